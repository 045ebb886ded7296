"""Work on many things: one after another, or by several processes."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeAlias

#: Seconds of work from which on several processes are worth the second or two that they start in.
_WORTH_PROCESSES = 5.0

#: A function and what it is called with, each: gives the results in that order.
Run: TypeAlias = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]


@contextmanager
def processes(seconds: float, workers: int) -> Iterator[Run]:
    """Calls functions: in `workers` processes, where it would take one so many `seconds`.

    They must be importable, and what they are called with, give and raise must be picklable.
    """
    if workers < 2 or seconds < _WORTH_PROCESSES:
        yield map
        return
    ignore = signal.SIGINT, signal.SIG_IGN  # Ctrl-C ends this process, which ends its own
    with ProcessPoolExecutor(workers, get_context("spawn"), signal.signal, ignore) as pool:
        try:
            yield pool.map
        finally:
            pool.shutdown(cancel_futures=True)
