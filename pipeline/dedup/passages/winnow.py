"""Minimizers of texts that share one whenever they share a passage: winnowing.

Of each run of `width` neighbouring hashes of k words the least is chosen (Schleimer, Wilkerson
and Aiken, "Winnowing", SIGMOD 2003).  A passage of k + width - 1 words holds such a run, and its
choice depends on the passage alone; so two texts that share the passage share the minimizer,
always.  Of random hashes 2 in width + 1 are chosen: with passages of 50 words, k = 25 and
width = 26, one a 13.5 words.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.dedup.bands import Numbers
from pipeline.dedup.minhash import Hashes64, finalise64

_ROOT = 0x9E3779B97F4A7C15  # 2^64 / golden ratio, odd
_MODULUS = 1 << 64


def gram_words(passage: int) -> int:
    """k: how many words a minimizer is of, where passages have `passage` words."""
    return passage // 2


def run_hashes(words: Hashes64, length: int) -> Hashes64:
    """The hash of each run of `length` words: (n,) -> (n - length + 1,), or none.

    Runs of 1, 2, 4, … words are put together: of lengths a and b, the hash of the whole is
    that of the first times root^b plus that of the second.
    """
    if len(words) < length:
        return np.empty(0, np.uint64)
    whole, covered = words[:0], 0
    block, size = words, 1
    while True:
        if length & size:
            if covered:
                count = len(words) - covered - size + 1
                whole = whole[:count] * _power(size) + block[covered : covered + count]
            else:
                whole = block
            covered += size
        if covered == length:
            return finalise64(whole.copy())
        block = block[:-size] * _power(size) + block[size:]
        size *= 2


def _power(exponent: int) -> np.uint64:
    return np.uint64(pow(_ROOT, exponent, _MODULUS))


def least_of_runs(values: Hashes64, width: int) -> Hashes64:
    """The least of each run of `width` values: (n,) -> (n - width + 1,), or none."""
    if len(values) < width:
        return values[:0]
    size = 1
    while 2 * size <= width:
        values = np.minimum(values[:-size], values[size:])
        size *= 2
    # Two runs of `size` that overlap cover one of `width`.
    rest = width - size
    return np.minimum(values[:-rest], values[rest:]) if rest else values


def minimizers(words: Hashes64, bounds: Numbers, passage: int) -> list[Hashes64]:
    """The minimizers of each of some texts, sorted, each once.

    `words` are the hashes of all words, text after text; `bounds` the first word of each text,
    and their number at the end.  A text of fewer than `passage` words has none.
    """
    grams = run_hashes(words, gram_words(passage))
    chosen = least_of_runs(grams, passage - gram_words(passage) + 1)
    owners = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    first = owners[: len(chosen)]
    new = first == owners[passage - 1 : passage - 1 + len(chosen)]  # all within one text
    new[1:] &= (chosen[1:] != chosen[:-1]) | (first[1:] != first[:-1])
    chosen, first = chosen[new], first[new]
    order = np.lexsort((chosen, first))
    chosen, first = chosen[order], first[order]
    new = np.ones(len(chosen), bool)
    new[1:] = (chosen[1:] != chosen[:-1]) | (first[1:] != first[:-1])
    chosen, first = chosen[new], first[new]
    return np.split(chosen, np.searchsorted(first, np.arange(1, len(bounds) - 1)))


def shared_starts(words: Hashes64, shared: Hashes64, passage: int) -> Numbers:
    """The words at which a passage begins that holds one of the `shared` minimizers.

    All passages that a text shares with another one are among them.
    """
    length = gram_words(passage)
    hit: npt.NDArray[np.bool_] = np.isin(run_hashes(words, length), shared)
    before = np.concatenate([[0], np.cumsum(hit)])
    width = passage - length + 1
    return np.flatnonzero(before[width:] > before[:-width]) if len(hit) >= width else before[:0]
