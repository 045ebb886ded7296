"""Reads ahead of the step: samples of the coming steps, padded, pinned and on the device.

One thread, no worker processes: reading is copying from memory maps, which leaves the
interpreter free, and a process would have a position of its own to lose.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.data.samples import Samples
from trainer.optim.batch_schedule import Batches

_AHEAD = 3  # steps
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class StepInput:
    """What one process computes in one step.

    `rows`: int32 (micro-batches, sequences, length + 1) on the device; rows of -1 fill it up.
    `filled`: how many entries of each sequence are not -1 (micro-batches, sequences).
    `samples`: their numbers in the run, int64 of that shape, on the device; they key dropout.
    `first` and `size` are those of the whole step, over all processes.  `copied` is set where
    the copy to the device may still be under way.
    """

    first: int
    size: int
    rows: Tensor
    filled: NDArray[np.int64]
    samples: Tensor
    copied: torch.cuda.Event | None = None


class Feed:
    """Iterates over the steps of a run from `consumed` on, with rows on `device`.

    On a GPU the copy goes through pinned memory on a stream of its own, beside the step before.
    `waited` adds up the seconds in which the step had to wait for data.
    """

    def __init__(
        self,
        stream: Samples,
        batches: Batches,
        consumed: int,
        micro: int,
        rank: int,
        world: int,
        device: torch.device = _CPU,
    ) -> None:
        self.waited = 0.0
        self._device = device
        self._side = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._stream, self._batches = stream, batches
        self._rank, self._world = rank, world
        # The same shape in every step, so that nothing is compiled twice.
        self._micro = min(micro, -(-batches.full // world)) if micro else 0
        self._queue: queue.Queue[StepInput | BaseException | None] = queue.Queue(_AHEAD)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(consumed,), daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[StepInput]:
        while True:
            began = time.perf_counter()
            step = self._queue.get()
            self.waited += time.perf_counter() - began
            if isinstance(step, BaseException):
                raise step
            if step is None:
                return
            if step.copied is not None:
                here = torch.cuda.current_stream(self._device)
                here.wait_event(step.copied)
                for tensor in (step.rows, step.samples):
                    tensor.record_stream(here)  # its memory is not given away before
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
                rows = self._rows(consumed, size)
                filled = (rows.numpy() >= 0).sum(2)
                numbers = self._numbers(consumed, size, rows.shape[:2])
                (copy, samples), copied = self._to_device(rows, numbers)
                self._queue.put(StepInput(consumed, size, copy, filled, samples, copied))
                consumed += size
            self._queue.put(None)
        except BaseException as error:  # raised again in the thread that trains
            self._queue.put(error)

    def _rows(self, first: int, size: int) -> Tensor:
        share = self._batches.share(size, self._rank, self._world)
        most = -(-size // self._world)  # every process takes as many micro-batches as the fullest
        micro = self._micro or most
        pieces = -(-most // micro)
        rows = self._stream.batch(first + share.start, len(share))
        if missing := pieces * micro - len(share):
            rows = np.pad(rows, ((0, missing), (0, 0)), constant_values=-1)
        return torch.from_numpy(rows).view(pieces, micro, -1)

    def _numbers(self, first: int, size: int, shape: torch.Size) -> Tensor:
        """The numbers of a process's samples, those that fill up among them."""
        start = first + self._batches.share(size, self._rank, self._world).start
        return torch.arange(start, start + shape.numel()).view(shape)

    def _to_device(self, *tensors: Tensor) -> tuple[list[Tensor], torch.cuda.Event | None]:
        if self._side is None:
            return [tensor.to(self._device) for tensor in tensors], None
        with torch.cuda.stream(self._side):
            copies = [t.pin_memory().to(self._device, non_blocking=True) for t in tensors]
            return copies, self._side.record_event()
