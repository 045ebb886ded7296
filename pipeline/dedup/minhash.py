"""Shingles and MinHash signatures, all of a document's at once.

A document is the set of its word 5-grams (shingles); the signature holds, for each of
`hashes` permutations, the least permuted shingle.  Two documents agree in a place with
the probability of their Jaccard similarity (Broder 1997).

The permutations are those of datasketch's scheme "affine32" (MurmurHash3's finalizer,
then a*h + b modulo 2^32), so a signature equals that of `datasketch.MinHash` with the same
seed and the same shingle hashes.  What differs is the way there: all words of a text are
hashed in a few array operations over its bytes, and combined into shingles in a few more,
where a loop would join, encode and hash every shingle by itself.

The hash of a word of bytes c is the sum of T[c_j] * R^j modulo 2^64 for fixed random T and
odd R.  Running sums over the whole text give it for every word at once: the difference
between end and start, times R^-start.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Hashes64 = npt.NDArray[np.uint64]
Hashes32 = npt.NDArray[np.uint32]

#: Words of a shingle: as in datatrove, OpenWebText2 and text-dedup.
SHINGLE_WORDS = 5
#: Of datasketch's generator of permutations.
SEED = 1

#: Odd multipliers, one for each place of a word in a shingle: arbitrary, but fixed for ever.
_PLACES = np.frombuffer(
    hashlib.blake2b(b"places of a shingle", digest_size=8 * SHINGLE_WORDS).digest(), "<u8"
).astype(np.uint64) | np.uint64(1)
_BLOCK = 2048  # shingles permuted at a time: 100 x 2048 x 4 bytes stay in the cache
_BLOCK_BYTES = 1 << 16  # text hashed at a time; a word longer than that counts as several

_SPACE = ord(" ")
_ROOT = 0x9E3779B97F4A7C15  # 2^64 / golden ratio, odd
_LETTERS = np.random.RandomState(SEED).randint(0, 1 << 64, 256, np.uint64)


def _powers(root: int) -> Hashes64:
    powers = np.full(_BLOCK_BYTES + 1, root, np.uint64)
    powers[0] = 1
    return np.cumprod(powers, dtype=np.uint64)


_POWERS, _INVERSE_POWERS = _powers(_ROOT), _powers(pow(_ROOT, -1, 1 << 64))


def shingles_of(words: bytes) -> Hashes64:
    """The 64-bit hashes of the shingles of a normalised text: sorted, each once.

    A text of one to four words is one shingle of all of them; an empty one has none.
    """
    hashes = word_hashes(words)
    if not len(hashes):
        return hashes
    length = min(len(hashes), SHINGLE_WORDS)
    last = len(hashes) - length + 1
    combined = hashes[:last] * _PLACES[0]
    for word in range(1, length):
        combined += hashes[word : word + last] * _PLACES[word]
    return _distinct(finalise64(combined + np.uint64(length)))


def word_hashes(words: bytes) -> Hashes64:
    """The hashes of all words of a normalised text, in order."""
    pieces, start = [], 0
    while start < len(words):
        stop = start + _BLOCK_BYTES
        if stop < len(words):
            space = words.rfind(b" ", start, stop)
            stop = space if space > start else stop
        pieces.append(_hash_block(np.frombuffer(words[start:stop], np.uint8)))
        start = stop
    return np.concatenate(pieces) if pieces else np.empty(0, np.uint64)


def _hash_block(text: npt.NDArray[np.uint8]) -> Hashes64:
    terms = _LETTERS[text]
    terms *= _POWERS[: len(text)]
    sums = np.zeros(len(text) + 1, np.uint64)
    np.cumsum(terms, out=sums[1:])
    spaces = np.flatnonzero(text == _SPACE)
    starts, stops = np.append(0, spaces + 1), np.append(spaces, len(text))
    words = stops > starts
    starts, stops = starts[words], stops[words]
    hashes: Hashes64 = (sums[stops] - sums[starts]) * _INVERSE_POWERS[starts]
    return hashes


def signature_of(shingles: Hashes64, hashes: int) -> Hashes32:
    """The MinHash signature, `hashes` numbers of 32 bits; all ones for an empty set."""
    a, b = _permutations(hashes)
    least = np.full(hashes, np.iinfo(np.uint32).max, np.uint32)
    mixed = _finalise32(shingles.astype(np.uint32))
    for start in range(0, len(mixed), _BLOCK):
        permuted = a * mixed[start : start + _BLOCK]
        permuted += b
        np.minimum(least, permuted.min(axis=1), out=least)
    return least


@lru_cache(maxsize=8)
def _permutations(hashes: int) -> tuple[Hashes32, Hashes32]:
    """datasketch's multipliers and summands, as columns."""
    # It imports scipy, and is needed where texts are signed alone.
    from datasketch import MinHash  # noqa: PLC0415

    a, b = MinHash(num_perm=hashes, seed=SEED, scheme="affine32").permutations
    return a[:, None], b[:, None]


def _distinct(values: Hashes64) -> Hashes64:
    values.sort()
    new = np.empty(len(values), bool)
    new[0] = True
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return values[new]


def finalise64(values: Hashes64) -> Hashes64:
    """MurmurHash3's 64-bit finalizer: every bit of the sum reaches every bit of the hash."""
    values ^= values >> np.uint64(33)
    values *= np.uint64(0xFF51AFD7ED558CCD)
    values ^= values >> np.uint64(33)
    values *= np.uint64(0xC4CEB9FE1A85EC53)
    values ^= values >> np.uint64(33)
    return values


def _finalise32(values: Hashes32) -> Hashes32:
    """MurmurHash3's 32-bit finalizer, with which "affine32" mixes each hash."""
    values ^= values >> np.uint32(16)
    values *= np.uint32(0x85EBCA6B)
    values ^= values >> np.uint32(13)
    values *= np.uint32(0xC2B2AE35)
    values ^= values >> np.uint32(16)
    return values
