"""Frees a dask worker that would wait for ever for memory that Python has freed long ago.

A worker above 80 % of its limit is paused: it takes no task until its memory is below.  What
glibc keeps of freed memory counts as well, and where small blocks that live on lie between those
that are gone, it keeps much: 155 of 368 MB in a worker that had spilled all it could
(`benchmarks/spill.py`).  `malloc_trim` alone gives that back; a paused worker calls it here.
"""

from __future__ import annotations

import ctypes
from functools import partial
from typing import Any

from distributed import Status, Worker, WorkerPlugin
from tornado.ioloop import PeriodicCallback

_EVERY = 1_000.0  # milliseconds between two looks


class TrimWhilePaused(WorkerPlugin):
    """To be registered with a client; does nothing where the C library has no `malloc_trim`."""

    name = "webtext-trim"

    def setup(self, worker: Worker) -> None:
        """Called by dask on each worker, also on those that come later."""
        self._look = PeriodicCallback(partial(_trim, worker, ctypes.CDLL(None)), _EVERY)
        self._look.start()

    def teardown(self, worker: Worker) -> None:
        """Called by dask when the worker ends."""
        self._look.stop()


def _trim(worker: Worker, library: Any) -> None:
    if worker.status == Status.paused and hasattr(library, "malloc_trim"):
        library.malloc_trim(0)
