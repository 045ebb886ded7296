"""Blocks of samples kept at hand: mapped from the disk, or fetched ahead by threads.

A block is the unit of reading (`trainer.data.order`).  Those of the window in use and of
the next one are kept; a remote block that is not there yet is fetched by a thread while the
training goes on.  There is no state to save: which blocks are wanted follows from the number
of the sample.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from trainer.data.row import Layout, TokenRow
from trainer.data.shard import Shard


@dataclass(frozen=True)
class Block:
    """Tokens of the row from `start` on, and the shards that they come from."""

    start: int
    tokens: NDArray[Any]
    shards: tuple[Shard, ...]


class Blocks:
    """Blocks of `block` samples of a row.  Not for use by several threads."""

    def __init__(
        self, row: TokenRow, layout: Layout, block: int, threads: Executor | None, turn: int
    ) -> None:
        self.row, self.layout = row, layout
        self._block, self._threads, self._turn = block, threads, turn
        self._held: dict[int, Block | Future[Block]] = {}

    def tokens(self, place: int) -> NDArray[Any]:
        """The tokens of sample `place`, a view."""
        found = self.get(place // self._block)
        start, stop = self.layout.bounds(place, place + 1)
        return found.tokens[start - found.start : stop - found.start]

    def get(self, number: int) -> Block:
        """A block; waits for it where it is on its way."""
        found = self._held.get(number)
        if isinstance(found, Block):
            return found
        block = found.result() if found is not None else self._read(number)
        self._held[number] = block
        return block

    def want(self, numbers: Iterable[int]) -> None:
        """Drops all other blocks, and has threads fetch those that are not here.

        Processes of one host begin at different ones (`turn`), so that each mostly finds in
        the shared cache what another has fetched.
        """
        wanted = [int(number) for number in numbers]
        keep = set(wanted)
        for number in [n for n in self._held if n not in keep]:
            del self._held[number]
        if self._threads is not None:
            start = self._turn % max(len(wanted), 1)
            for number in wanted[start:] + wanted[:start]:
                if number not in self._held:
                    self._held[number] = self._threads.submit(self._read, number)

    def _read(self, number: int) -> Block:
        first = number * self._block
        start, stop = self.layout.bounds(first, min(first + self._block, self.layout.size))
        shards = tuple(shard for shard, _, _ in self.row.pieces(start, stop))
        return Block(start, self.row.read(start, stop), shards)
