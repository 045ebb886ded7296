"""The words of a text as hashes, with where each stands.

A word is what white space parts; a character of a script without spaces is a word by itself.
Nothing is folded: passages are equal when all their characters are, white space aside.

All characters are hashed in a few array operations (`pipeline/dedup/minhash.py` has the way),
here over code points, since spans count characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.dedup.bands import Numbers
from pipeline.dedup.minhash import Hashes64, finalise64
from pipeline.store.unspaced import UNSPACED

#: Characters hashed at a time; a word longer than that counts as several.
CHARACTERS = 1 << 17

_SPACE, _LETTER, _ALONE = 0, 1, 2
_CODES = 0x110000
_ROOT = 0xD1342543DE82EF95  # odd; of a generator by Steele and Vigna (arXiv 2001.05304)


def _kinds() -> npt.NDArray[np.uint8]:
    """What each code point is; white space is what `str.split` takes for it."""
    kinds = np.full(_CODES, _LETTER, np.uint8)
    for first, last in UNSPACED:
        kinds[first : last + 1] = _ALONE
    # No white space stands above U+3000, the ideographic space.
    kinds[[code for code in range(0x3001) if chr(code).isspace()]] = _SPACE
    return kinds


def _powers(root: int) -> Hashes64:
    powers = np.full(CHARACTERS, root, np.uint64)
    powers[0] = 1
    return np.cumprod(powers, dtype=np.uint64)


_KINDS = _kinds()
_LETTERS = np.random.RandomState(2).randint(0, 1 << 64, _CODES, np.uint64)
_POWERS, _INVERSE_POWERS = _powers(_ROOT), _powers(pow(_ROOT, -1, 1 << 64))


class HashedWords(NamedTuple):
    """The words of a text in order: hashes, first characters, and the first ones behind."""

    hashes: Hashes64
    starts: Numbers
    stops: Numbers


def hash_words(text: str) -> HashedWords:
    """All words of a text."""
    pieces = []
    start = 0
    while start < len(text):
        codes = _code_points(text[start : start + CHARACTERS])
        kinds = _KINDS[codes]
        if start + CHARACTERS < len(text):
            bounds = np.flatnonzero(kinds != _LETTER)
            stop = int(bounds[-1]) + 1 if len(bounds) else CHARACTERS
            codes, kinds = codes[:stop], kinds[:stop]
        pieces.append(_hash_piece(codes, kinds, start))
        start += len(codes)
    if not pieces:
        nothing = np.empty(0, np.int64)
        return HashedWords(np.empty(0, np.uint64), nothing, nothing)
    return HashedWords(*map(np.concatenate, zip(*pieces, strict=True)))


def _code_points(text: str) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint32]:
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _hash_piece(
    codes: npt.NDArray[np.uint8] | npt.NDArray[np.uint32],
    kinds: npt.NDArray[np.uint8],
    first: int,
) -> tuple[Hashes64, Numbers, Numbers]:
    """A word begins and ends where the kind of character changes, or with one that is alone."""
    letter = kinds == _LETTER
    edge = np.empty(len(kinds) + 1, bool)
    edge[0] = edge[-1] = True
    edge[1:-1] = ~(letter[1:] & letter[:-1])
    word = kinds != _SPACE
    starts = np.flatnonzero(word & edge[:-1])
    stops = np.flatnonzero(word & edge[1:]) + 1
    terms = _LETTERS[codes]
    terms *= _POWERS[: len(codes)]
    sums = np.zeros(len(codes) + 1, np.uint64)
    np.cumsum(terms, out=sums[1:])
    hashes = finalise64((sums[stops] - sums[starts]) * _INVERSE_POWERS[starts])
    return hashes, starts + first, stops + first


def hash_groups(texts: Sequence[str]) -> Iterator[tuple[slice, Hashes64, Numbers]]:
    """Word hashes of some texts at a time, since short texts by themselves cost more.

    Gives which texts they are, the hashes of all their words, and the first word of each text
    with the number of all at the end.
    """
    for some in _groups(map(len, texts)):
        # A line break belongs to no word.
        words = hash_words("\n".join(texts[some]))
        ends = np.cumsum([len(text) + 1 for text in texts[some]])
        bounds = np.concatenate([[0], np.searchsorted(words.starts, ends)])
        yield some, words.hashes, bounds


def _groups(lengths: Iterable[int]) -> Iterator[slice]:
    """Neighbouring texts of up to `CHARACTERS` together, or a longer one by itself."""
    start = held = number = 0
    for number, length in enumerate(lengths, 1):
        if held and held + length + 1 > CHARACTERS:
            yield slice(start, number - 1)
            start, held = number - 1, 0
        held += length + 1
    if number:
        yield slice(start, number)
