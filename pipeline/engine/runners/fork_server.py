"""The process that local dask workers are forked from.

It imports what they need once for all, while an earlier stage runs, instead of each worker by
itself: Beam alone takes a second.  Workers share the memory of it.  It is Python's own fork
server, so a process has one at most; it has one thread, so a fork takes no lock along.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import forkserver, get_context
from typing import Any

from pipeline.engine.runners.runner_kind import WORKER_ENVIRONMENT

#: What each worker imports, whatever its tasks are.
_OWN = ("pipeline.engine.runners.forked", "pipeline.engine.runners.task")


@contextmanager
def fork_server(modules: Sequence[str] = ()) -> Iterator[None]:
    """Starts the process, which imports the modules as well; does not wait, and ends it after the
    block.

    By then all workers must have ended.  One that runs already stays as it is.
    """
    server: Any = forkserver._forkserver
    if server._forkserver_pid:
        yield
        return
    get_context("forkserver").set_forkserver_preload([*_OWN, *modules])
    with _environment():
        server.ensure_running()
    try:
        yield
    finally:
        # At its own end Python would take all that it has imported apart, for half a second.
        os.kill(int(server._forkserver_pid), signal.SIGKILL)
        server._stop()


@contextmanager
def _environment() -> Iterator[None]:
    """The environment of a worker, whose hash seed is read as Python starts."""
    before = {name: os.environ[name] for name in WORKER_ENVIRONMENT if name in os.environ}
    os.environ.update(WORKER_ENVIRONMENT)
    try:
        yield
    finally:
        for name in WORKER_ENVIRONMENT:
            del os.environ[name]
        os.environ.update(before)
