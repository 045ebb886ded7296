"""Keeps a second build out of a corpus: a lock on a disk, a lease on an object store."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.store import files
from pipeline.store.errors import WebtextError
from pipeline.store.lease import SECONDS, Lease, leased


@contextmanager
def locked(
    root: str,
    seconds: float = SECONDS,
    *,
    shared: str = "",
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[Lease | None]:
    """Keeps others out of a corpus while the block runs; a process that is killed keeps none out.

    On a disk that is a lock, and on a store a lease of so many seconds, which is yielded.
    Those that give the same name `shared` are let in together.  Raises WebtextError when
    another build is at work.
    """
    if files.is_remote(root):
        with leased(root, seconds, shared=shared, say=say) as lease:
            yield lease
        return
    with _lock_file(root, shared=bool(shared)):
        yield None


@contextmanager
def _lock_file(root: str, *, shared: bool) -> Iterator[None]:
    folder = Path(files.local_path(root))
    if folder.is_file():
        raise WebtextError(f"The corpus {root} is a file", "Name a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WebtextError(
            f"The corpus {root} cannot be made: {error.strerror}", "Name another folder"
        ) from None
    with (folder / ".lock").open("a+") as lock:
        try:
            fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise WebtextError(
                f"Another build (process {lock.read().strip() or 'unknown'}) is at work in {root}",
                "Wait for it to end, or stop it",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
