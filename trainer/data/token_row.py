"""The shards of a split as one long row of tokens, and the samples that it is cut into."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.data.order import Places
from trainer.data.shard import Shard


@dataclass(frozen=True)
class Span:
    """Tokens [start, start + length) of one shard."""

    shard: str
    start: int
    length: int


class TokenRow:
    """Shards one after the other."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self.shards = shards
        #: Where each shard ends.
        self.ends = list(accumulate(shard.tokens for shard in shards))
        self.tokens = self.ends[-1] if self.ends else 0

    def pieces(self, start: int, stop: int) -> list[tuple[Shard, int, int]]:
        """Tokens [start, stop) of the row as (shard, start, stop), in order."""
        pieces = []
        while start < stop:
            number = bisect_right(self.ends, start)
            shard = self.shards[number]
            begin = self.ends[number] - shard.tokens
            end = min(stop, self.ends[number])
            pieces.append((shard, start - begin, end - begin))
            start = end
        return pieces

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Tokens [start, stop): a view of one shard, or a copy from several."""
        pieces = [shard.read(a, b) for shard, a, b in self.pieces(start, stop)]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def spans(self, start: int, stop: int) -> list[Span]:
        """Where tokens [start, stop) lie: one span a shard."""
        return [Span(shard.prefix, a, b - a) for shard, a, b in self.pieces(start, stop)]


def span_of(layout: SampleLayout, first: int, last: int) -> tuple[int, int]:
    """Start and stop of samples [first, last) in the row."""
    starts, stops = layout.bounds(np.array([first]), np.array([last]))
    return int(starts[0]), int(stops[0])


class SampleLayout(Protocol):
    """How a row is cut into samples that lie one after the other."""

    @property
    def size(self) -> int:
        """Number of samples."""

    def bounds(self, first: Places, last: Places) -> tuple[Places, Places]:
        """The tokens of samples [first, last), as (starts, stops) in the row."""


@dataclass(frozen=True)
class Windows:
    """Samples of `length + 1` tokens that begin at each multiple of `length`."""

    tokens: int
    length: int

    @property
    def size(self) -> int:
        """Windows that fit."""
        return (self.tokens - 1) // self.length

    def bounds(self, first: Places, last: Places) -> tuple[Places, Places]:
        """The last token of a sample is the first of the next."""
        return first * self.length, last * self.length + 1


@dataclass(frozen=True)
class Chunks:
    """Samples that tile the row: sample i is tokens [starts[i], starts[i + 1]).

    `starts`: int64 (size + 1,).
    """

    starts: NDArray[np.int64]

    @property
    def size(self) -> int:
        """Number of chunks."""
        return len(self.starts) - 1

    def bounds(self, first: Places, last: Places) -> tuple[Places, Places]:
        """Chunks follow each other without a gap."""
        return self.starts[first], self.starts[last]
