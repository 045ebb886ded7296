"""Token shards as numbered samples: sample i is a pure function of (corpus, seed, i).

The shards of a split are one long row of tokens, in order of interval and shard.  A
sample is `length + 1` of them from a multiple of `length` on: inputs and, one further,
targets.  Each epoch takes every sample once, in an order of its own
(`trainer.data.order`).  Nothing depends on processes, workers or micro-batches, and the
only position there is to save is how many samples were consumed.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import WebtextError
from pipeline.tokens.megatron import IndexedDataset
from trainer.data.order import order_key, permute
from trainer.data.shards import Shards


@dataclass(frozen=True)
class Span:
    """Tokens [start, start + length) of one shard."""

    shard: str
    start: int
    length: int


class Stream:
    """The samples of one split.

    `length` is the number of targets in a sample.  `shuffled` permutes each epoch by
    `seed`; otherwise samples come as they lie (validation).
    Raises WebtextError when the split has not the tokens for one sample.
    """

    def __init__(
        self, shards: Shards, split: str, length: int, seed: int = 0, shuffled: bool = True
    ) -> None:
        self.length = length
        self._paths = shards.split(split)
        self._shards = [IndexedDataset(path) for path in self._paths]
        self._ends = list(accumulate(len(shard.tokens) for shard in self._shards))
        self._fingerprint, self._seed, self._shuffled = shards.fingerprint, seed, shuffled
        self.tokens = self._ends[-1] if self._ends else 0
        #: Samples of one epoch.
        self.samples = (self.tokens - 1) // length
        if self.samples < 1:
            raise WebtextError(
                f"The {split} shards of {shards.name} hold {self.tokens:,} tokens, "
                f"which is less than one sample of {length + 1:,}",
                "Build a larger corpus or set a shorter model.context",
            )

    def batch(self, first: int, count: int) -> NDArray[np.int32]:
        """Samples [first, first + count) of the run: tokens (count, length + 1)."""
        rows = np.empty((count, self.length + 1), dtype=np.int32)
        for row, place in zip(rows, self._places(first, count), strict=True):
            done = 0
            for number, start, stop in self._pieces(int(place)):
                row[done : done + stop - start] = self._shards[number].tokens[start:stop]
                done += stop - start
        return rows

    def spans(self, index: int) -> list[Span]:
        """Where the tokens of sample `index` lie: one span a shard."""
        place = int(self._places(index, 1)[0])
        return [Span(self._paths[n], a, b - a) for n, a, b in self._pieces(place)]

    def _places(self, first: int, count: int) -> NDArray[np.int64]:
        """Which window of the row of tokens each sample is."""
        index = np.arange(first, first + count, dtype=np.int64)
        epochs, positions = np.divmod(index, self.samples)
        if not self._shuffled:
            return positions
        places = np.empty(count, dtype=np.int64)
        for epoch in np.unique(epochs):
            here = epochs == epoch
            key = order_key(self._fingerprint, self._seed, int(epoch))
            places[here] = permute(positions[here], self.samples, key)
        return places

    def _pieces(self, place: int) -> list[tuple[int, int, int]]:
        """Window `place` as (shard, start, stop), in order."""
        start, stop = place * self.length, (place + 1) * self.length + 1
        pieces = []
        while start < stop:
            number = bisect_right(self._ends, start)
            begin = self._ends[number] - len(self._shards[number].tokens)
            end = min(stop, self._ends[number])
            pieces.append((number, start - begin, end - begin))
            start = end
        return pieces

    def histogram(self, vocab: int) -> NDArray[Any]:
        """How often each of `vocab` tokens occurs in the split."""
        counts = np.zeros(vocab, dtype=np.int64)
        for shard in self._shards:
            counts += np.bincount(shard.tokens, minlength=vocab)
        return counts
