"""Shingles and MinHash signatures, all of a document's at once.

A document is the set of its word 5-grams (shingles); the signature holds, for each of
`hashes` permutations, the least permuted shingle.  Two documents agree in a place with
the probability of their Jaccard similarity (Broder 1997).

The permutations are those of datasketch's scheme "affine32" (MurmurHash3's finalizer,
then a*h + b modulo 2^32), so a signature equals that of `datasketch.MinHash` with the same
seed and the same shingle hashes.  What differs is the way there: words are hashed once
each and combined into shingles in one array operation, where a loop would join, encode
and hash every shingle by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from datasketch import MinHash

from pipeline.dedup.normalise import without_digits

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
_CACHED_WORDS = 1 << 18


class _WordHashes(dict[bytes, int]):
    """64-bit hashes of words without their digits; a cache that cannot grow for ever."""

    def __missing__(self, word: bytes) -> int:
        if len(self) >= _CACHED_WORDS:
            self.clear()
        digest = hashlib.blake2b(without_digits(word), digest_size=8).digest()
        value = self[word] = int.from_bytes(digest, "little")
        return value


_word_hashes = _WordHashes()


def shingles_of(words: Sequence[bytes]) -> Hashes64:
    """The 64-bit hashes of a document's shingles: sorted, each once.

    A document of one to four words is one shingle of all of them; an empty one has none.
    """
    count = len(words)
    if count == 0:
        return np.empty(0, np.uint64)
    hashes = np.fromiter(map(_word_hashes.__getitem__, words), np.uint64, count)
    length = min(count, SHINGLE_WORDS)
    last = count - length + 1
    combined = hashes[:last] * _PLACES[0]
    for place in range(1, length):
        combined += hashes[place : place + last] * _PLACES[place]
    return _distinct(_finalise64(combined + np.uint64(length)))


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
    a, b = MinHash(num_perm=hashes, seed=SEED, scheme="affine32").permutations
    return a[:, None], b[:, None]


def _distinct(values: Hashes64) -> Hashes64:
    values.sort()
    new = np.empty(len(values), bool)
    new[0] = True
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return values[new]


def _finalise64(values: Hashes64) -> Hashes64:
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
