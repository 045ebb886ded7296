"""From the number of a sample in the run to the place where it lies.

run's number --mixture--> corpus and number within it --generation, epoch--> position
--order--> place.  Every arrow is a function of the recipe and the shards' fingerprints, so
there is no state: two processes that ask for the same number agree without talking.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.data.mixture import Mixture
from trainer.data.order import Order, Places, order_key


@dataclass(frozen=True)
class SampleRange:
    """One generation of one corpus: `size` samples, taken from the corpus's sample `first` on."""

    first: int
    size: int
    fingerprint: str


@dataclass(frozen=True)
class BlockWindow:
    """Blocks of one part from which samples are taken, up to the corpus's sample `stop`."""

    part: int
    blocks: Places
    stop: int


class Numbering:
    """The parts of each corpus in order, its share, and how an epoch is shuffled.

    `seed` None leaves samples as they lie.
    Parts are numbered over all corpora, in the order given.
    """

    def __init__(
        self,
        corpora: Sequence[Sequence[SampleRange]],
        mixture: Mixture,
        seed: int | None,
        block: int,
        window: int,
    ) -> None:
        self._corpora, self.mixture = corpora, mixture
        self._seed, self._block, self._window = seed, block, window
        self._first = np.cumsum([0, *(len(parts) for parts in corpora)]).tolist()

    def locate(self, first: int, count: int) -> tuple[Places, Places]:
        """Part and place of each of the samples [first, first + count)."""
        corpora, numbers = self.mixture.locate(np.arange(first, first + count))
        parts, places = np.empty(count, np.int64), np.empty(count, np.int64)
        for corpus in np.unique(corpora):
            mine = np.flatnonzero(corpora == corpus)
            while len(mine):  # one epoch at a time: most batches are of one
                part, epoch, start = self._epoch(int(corpus), int(numbers[mine[0]]))
                order = self._order(int(corpus), part, epoch)
                here = mine[numbers[mine] < self._end(int(corpus), part, start)]
                parts[here] = self._first[corpus] + part
                places[here] = order.places(numbers[here] - start)
                mine = mine[len(here) :]
        return parts, places

    def window(self, corpus: int, number: int) -> BlockWindow:
        """The window that sample `number` of a corpus is taken from."""
        part, epoch, start = self._epoch(corpus, number)
        order = self._order(corpus, part, epoch)
        index = (number - start) // order.span
        stop = min(start + (index + 1) * order.span, self._end(corpus, part, start))
        return BlockWindow(self._first[corpus] + part, order.blocks(index), stop)

    def numbers(self, first: int, count: int) -> dict[int, tuple[int, int]]:
        """Each corpus's own numbers [start, stop) of samples [first, first + count), if any."""
        before, after = self.mixture.counts(first), self.mixture.counts(first + count)
        pairs = enumerate(zip(before, after, strict=True))
        return {corpus: (start, stop) for corpus, (start, stop) in pairs if stop > start}

    def epoch_end(self, corpus: int, number: int) -> int:
        """Where the epoch under way ends when `number` samples of a corpus were taken.

        That is `number` itself where none is under way.
        """
        part, _, start = self._epoch(corpus, number)
        return number if number == start else self._end(corpus, part, start)

    def _epoch(self, corpus: int, number: int) -> tuple[int, int, int]:
        """Generation, epoch within it, and the corpus's number at which that epoch begins."""
        parts = self._corpora[corpus]
        index = bisect_right([part.first for part in parts], number) - 1
        part = parts[index]
        epoch = (number - part.first) // part.size
        return index, epoch, part.first + epoch * part.size

    def _end(self, corpus: int, index: int, start: int) -> int:
        """Where the epoch that begins at `start` ends: in full, or at the next generation."""
        parts = self._corpora[corpus]
        end = start + parts[index].size
        return min(end, parts[index + 1].first) if index + 1 < len(parts) else end

    def _order(self, corpus: int, index: int, epoch: int) -> Order:
        part = self._corpora[corpus][index]
        key = None if self._seed is None else order_key(part.fingerprint, self._seed, epoch)
        return Order(part.size, key, self._block, self._window)
