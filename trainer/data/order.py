"""The order of samples: a permutation that is computed, never stored.

A Feistel network is a bijection of [0, 2^2b) for any round function; walking
along its cycles until the value lies below `size` makes it a bijection of
[0, size) (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002).
So the sample at any position of any epoch is known without an index file,
without memory that grows with the corpus, and without state to save.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.uint64]

_ROUNDS = 6  # four already give a pseudo-random permutation (Luby and Rackoff, 1988)


def order_key(fingerprint: str, seed: int, epoch: int) -> int:
    """The 64-bit key of one epoch's order: another corpus, seed or epoch, another order."""
    said = f"{fingerprint}/{seed}/{epoch}".encode()
    return int.from_bytes(hashlib.blake2b(said, digest_size=8).digest())


def permute(positions: npt.ArrayLike, size: int, key: int) -> npt.NDArray[np.int64]:
    """Where each of `positions`, all in [0, size), goes under the permutation `key`."""
    values = np.asarray(positions, dtype=np.uint64)
    half = max(1, ((max(size, 2) - 1).bit_length() + 1) // 2)
    values = _feistel(values, half, key)
    while (outside := values >= size).any():
        values[outside] = _feistel(values[outside], half, key)
    return values.astype(np.int64)


def _feistel(values: Indices, half: int, key: int) -> Indices:
    bits = np.uint64(half)
    mask = np.uint64((1 << half) - 1)
    left, right = values >> bits, values & mask
    for number in range(_ROUNDS):
        round_key = np.uint64(_mix_int(key + number))
        left, right = right, left ^ (_mix(right ^ round_key) & mask)
    return left << bits | right


def _mix(values: Indices) -> Indices:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): each bit in moves each bit out."""
    with np.errstate(over="ignore"):
        values = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ values >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return values ^ values >> np.uint64(31)


def _mix_int(value: int) -> int:
    golden = 0x9E3779B97F4A7C15
    return int(_mix(np.array([value * golden % (1 << 64)], dtype=np.uint64))[0])
