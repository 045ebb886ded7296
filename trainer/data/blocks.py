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

from trainer.data.shard import Shard
from trainer.data.token_row import SampleLayout, TokenRow, span_of


@dataclass(frozen=True, eq=False)
class TokenBlock:
    """The tokens of a block, and the shards that they come from."""

    tokens: NDArray[Any]
    shards: tuple[Shard, ...]


class Blocks:
    """Blocks of `size` samples of a row.  Not for use by several threads."""

    def __init__(
        self, row: TokenRow, layout: SampleLayout, size: int, threads: Executor | None, turn: int
    ) -> None:
        self.row, self.layout, self.size = row, layout, size
        self._threads, self._turn = threads, turn
        self._held: dict[int, TokenBlock] = {}
        self._coming: dict[int, Future[TokenBlock]] = {}

    def get(self, number: int) -> TokenBlock:
        """A block; waits for it where it is on its way."""
        block = self._held.get(number)
        if block is None:
            coming = self._coming.pop(number, None)
            block = self._read(number) if coming is None else coming.result()
            self._held[number] = block
        return block

    def want(self, numbers: Iterable[int]) -> None:
        """Drops all other blocks, and has threads fetch those that are not here.

        Processes of one host begin at different ones (`turn`), so that each mostly finds in
        the shared cache what another has fetched.
        """
        wanted = list(numbers)
        keep = set(wanted)
        self._held = {n: block for n, block in self._held.items() if n in keep}
        for number in self._coming.keys() - keep:
            self._coming.pop(number).cancel()
        if self._threads is not None:
            start = self._turn % max(len(wanted), 1)
            for number in wanted[start:] + wanted[:start]:
                if number not in self._held and number not in self._coming:
                    self._coming[number] = self._threads.submit(self._read, number)

    def _read(self, number: int) -> TokenBlock:
        first = number * self.size
        start, stop = span_of(self.layout, first, min(first + self.size, self.layout.size))
        shards = tuple(shard for shard, _, _ in self.row.pieces(start, stop))
        return TokenBlock(self.row.read(start, stop), shards)
