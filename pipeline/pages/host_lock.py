"""Turns at a host: one request at a time, however many processes may want one.

All links of a host go to one worker, but a redirect can lead another worker to the
same host, and a worker that was given up for lost may still run.  So each request
holds a lock on a file named by the host, whose time of change says when the next
may begin; a lock ends with its process.  The files lie with the stage's scratch, so
this holds for all processes that share that folder.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

_POLL = 0.05  # seconds between two looks at a lock that another process holds


@dataclass
class HeldHost:
    """One turn at a host; `rest` is set by its holder: seconds until the next may begin."""

    rest: float


class HostLocks:
    """The turns of all hosts; `folder` is shared by the processes of a crawl, None is no other."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    @asynccontextmanager
    async def take(self, host: str, rest: float, longest: float) -> AsyncIterator[HeldHost]:
        """Waits for the turn of a host and for its rest to end, `longest` seconds at most.

        `rest` holds until the holder says another one, also when the holder is killed.
        """
        turn = HeldHost(rest)
        if self._folder is None:
            yield turn
            return
        name = hashlib.blake2b(host.encode(), digest_size=16).hexdigest()
        file = os.open(self._folder / name, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            while not _locked(file):
                await asyncio.sleep(_POLL)
            wait = os.fstat(file).st_mtime - time.time()
            if wait > 0:
                await asyncio.sleep(min(wait, longest))
            _rest(file, rest)
            try:
                yield turn
            finally:
                _rest(file, turn.rest)
        finally:
            os.close(file)


def _rest(file: int, seconds: float) -> None:
    after = time.time() + seconds
    os.utime(file, (after, after))


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
