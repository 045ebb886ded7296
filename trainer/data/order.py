"""The order of samples: a permutation in two levels that is computed, never stored.

A Feistel network is a bijection of [0, 2^b) for any round function; walking
along its cycles until the value lies below `size` makes it a bijection of
[0, size) (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002).
So the sample at any position of any epoch is known without an index file,
without memory that grows with the corpus, and without state to save.

One permutation of a whole corpus would read a few kilobytes from a random place for
each sample, which a disk cache cannot serve from an object store.  So the samples are cut into
blocks that lie together; the first level permutes the blocks, the second all samples
of a window of them (128 by default).  A window is read as 128 contiguous ranges, once.
`benchmarks/mixing.py` measures what that costs in mixing; `docs/stream.md` has the figures.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

_ROUNDS = 6  # four already give a pseudo-random permutation (Luby and Rackoff, 1988)


def order_key(*parts: object) -> int:
    """The 64-bit key of an order: another corpus, seed or epoch, another order."""
    text = "/".join(str(part) for part in parts).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())


@dataclass(frozen=True)
class Order:
    """One epoch of `size` samples, in blocks of `block` samples and windows of `window` blocks.

    A last block that is not full stays the last; a corpus of one window is shuffled whole.
    Without a key, samples stay as they lie.
    """

    size: int
    key: int | None
    block: int
    window: int

    @property
    def span(self) -> int:
        """Samples of a full window."""
        return self.block * self.window

    def places(self, positions: npt.ArrayLike) -> Places:
        """The sample at each of `positions`, all in [0, size)."""
        positions = np.asarray(positions, dtype=np.int64)
        if self.key is None:
            return positions
        numbers = positions // self.span
        places = np.empty_like(positions)
        for number in np.unique(numbers).tolist():
            here = numbers == number
            first = number * self.span
            size = min(self.span, self.size - first)
            mixed = permute(positions[here] - first, size, order_key(self.key, number))
            slots, inside = np.divmod(mixed, self.block)
            places[here] = self.blocks(number)[slots] * self.block + inside
        return places

    def blocks(self, window: int) -> Places:
        """The blocks that window `window` takes its samples from; none past the end."""
        first = window * self.window
        slots = np.arange(first, min(first + self.window, -(-self.size // self.block)))
        if self.key is None:
            return slots
        full = self.size // self.block
        blocks = slots.copy()
        blocks[slots < full] = permute(slots[slots < full], full, self.key)
        return blocks


def permute(positions: npt.ArrayLike, size: int, key: int) -> Places:
    """Where each of `positions`, all in [0, size), goes under the permutation `key`."""
    values = np.asarray(positions, dtype=np.uint64)
    bits = max(2, (size - 1).bit_length())
    values = _feistel(values, bits, key)
    while (outside := values >= size).any():
        values[outside] = _feistel(values[outside], bits, key)
    return values.astype(np.int64)


def uniform(numbers: npt.ArrayLike, key: int) -> npt.NDArray[np.float64]:
    """A number in [0, 1) for each of `numbers`, of 53 bits, that follows from it and `key`."""
    values = np.asarray(numbers, dtype=np.uint64) ^ np.uint64(key)
    return (_mix(_mix(values)) >> np.uint64(11)) / float(1 << 53)


def _feistel(values: Indices, bits: int, key: int) -> Indices:
    """A bijection of [0, 2^bits).  Of an odd number of bits, the halves differ by one."""
    low = (bits + 1) // 2
    left, right = values >> np.uint64(low), values & np.uint64((1 << low) - 1)
    for number in range(_ROUNDS):
        # The halves change places in each round, and their widths with them.
        width = low if number % 2 else bits - low
        round_key = np.uint64(_mix_int(key + number))
        left, right = right, left ^ (_mix(right ^ round_key) & np.uint64((1 << width) - 1))
    return left << np.uint64(low) | right


def _mix(values: Indices) -> Indices:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): each bit in moves each bit out."""
    with np.errstate(over="ignore"):
        values = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ values >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return values ^ values >> np.uint64(31)


def _mix_int(value: int) -> int:
    golden = 0x9E3779B97F4A7C15
    return int(_mix(np.array([value * golden % (1 << 64)], dtype=np.uint64))[0])
