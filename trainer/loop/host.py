"""The process a run lives in: its clock, its memory and its garbage collector."""

from __future__ import annotations

import ctypes
import gc
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

#: Parameters of glibc's `mallopt` (malloc.h), and what they are at first (mallopt(3)).
_TRIM_THRESHOLD, _TRIM_THRESHOLD_AT_FIRST = -1, 128 * 1024
_MMAP_MAX, _MMAP_MAX_AT_FIRST = -4, 65_536
_MOST = 2**31 - 1


class Mark:
    """A moment in the work of a device, placed after all that is queued now."""

    def __init__(self, device: torch.device) -> None:
        self._event: torch.cuda.Event | None = None
        if device.type == "cuda":
            self._event = torch.cuda.Event(enable_timing=True)
            self._event.record()
        self._host = time.perf_counter()

    def seconds_since(self, before: Mark) -> float:
        """Seconds between two moments; waits until the device has reached this one."""
        if self._event is None or before._event is None:
            return self._host - before._host
        self._event.synchronize()
        milliseconds: float = before._event.elapsed_time(self._event)
        return milliseconds / 1000


@contextmanager
def no_collections() -> Iterator[None]:
    """Python's garbage collector stops all for up to half a second; the step makes no cycles."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


@contextmanager
def memory_kept(device: torch.device) -> Iterator[None]:
    """Keeps what a step on the CPU frees for the next one, as PyTorch does with a GPU's memory.

    Without it glibc gives it back, and each step has the kernel clear the same pages again.  Does
    nothing on a GPU, nor where there is another C library.
    """
    libc = ctypes.CDLL(None)
    if device.type != "cpu" or not hasattr(libc, "mallopt"):
        yield
        return
    libc.mallopt(_TRIM_THRESHOLD, _MOST)
    libc.mallopt(_MMAP_MAX, 0)
    try:
        yield
    finally:
        libc.mallopt(_TRIM_THRESHOLD, _TRIM_THRESHOLD_AT_FIRST)
        libc.mallopt(_MMAP_MAX, _MMAP_MAX_AT_FIRST)
        libc.malloc_trim(0)


def peak_memory(device: torch.device) -> int:
    """Peak bytes of the device, or of the process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
