"""Reads ahead of the step: samples of the coming steps, padded and pinned, from a thread."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainer.batches import Batches
from trainer.data.stream import Stream

_AHEAD = 3  # steps


@dataclass(frozen=True)
class Step:
    """What one process computes in one step.

    `rows`: int32 (micro-batches, sequences, length + 1) on the host; rows of -1 fill it up.
    `first` and `size` are those of the whole step, over all processes.
    """

    first: int
    size: int
    rows: Tensor


class Feed:
    """Iterates over the steps of a run from `consumed` on.

    `waited` adds up the seconds in which the step had to wait for data.
    """

    def __init__(
        self, stream: Stream, batches: Batches, consumed: int, micro: int, rank: int, world: int
    ) -> None:
        self.waited = 0.0
        self._stream, self._batches = stream, batches
        self._rank, self._world = rank, world
        # The same shape in every step, so that nothing is compiled twice.
        self._micro = min(micro, -(-batches.full // world)) if micro else 0
        self._queue: queue.Queue[Step | BaseException | None] = queue.Queue(_AHEAD)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(consumed,), daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Step]:
        while True:
            began = time.perf_counter()
            step = self._queue.get()
            self.waited += time.perf_counter() - began
            if isinstance(step, BaseException):
                raise step
            if step is None:
                return
            yield step

    def close(self) -> None:
        """Ends the thread."""
        self._closed.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.05)
            except queue.Empty:
                continue

    def _read(self, consumed: int) -> None:
        try:
            while (size := self._batches.at(consumed)) and not self._closed.is_set():
                self._queue.put(Step(consumed, size, self._rows(consumed, size)))
                consumed += size
            self._queue.put(None)
        except BaseException as error:  # raised again in the thread that trains
            self._queue.put(error)

    def _rows(self, first: int, size: int) -> Tensor:
        share = self._batches.share(size, self._rank, self._world)
        most = -(-size // self._world)  # every process takes as many micro-batches as the fullest
        micro = self._micro or most
        pieces = -(-most // micro)
        rows = np.full((pieces * micro, self._stream.length + 1), -1, dtype=np.int32)
        rows[: len(share)] = self._stream.batch(first + share.start, len(share))
        tensor = torch.from_numpy(rows).view(pieces, micro, -1)
        return tensor.pin_memory() if torch.cuda.is_available() else tensor
