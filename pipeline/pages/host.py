"""One host: whose turn it is there, when it may be asked again, and how it fares.

A host (a name, whatever the port) is asked one thing at a time; `site.py` has what a site
(scheme, name and port) says of being crawled.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from pipeline.pages.fetch import Answer
from pipeline.pages.host_lock import HostLocks
from pipeline.pages.settings import PagesSettings
from pipeline.store.retry_after import retry_after

_FIRST_BACKOFF = 0.1  # seconds after a first failure where the delay is less
_MOST_DOUBLINGS = 20  # beyond all patience; keeps the power small


class RestingError(Exception):
    """A host wants to be left alone for longer than one waits beside others."""

    def __init__(self, host: Host) -> None:
        super().__init__(host.name)
        self.host = host


class Host:
    """The turn of one host.

    `slots` are the requests that may be under way at once in the whole process.
    """

    def __init__(
        self, name: str, settings: PagesSettings, locks: HostLocks, slots: asyncio.Semaphore
    ) -> None:
        self.name = name
        #: Seconds between two requests: the setting, or what robots.txt asks for.
        self.delay = settings.delay
        self.pages = 0
        self._settings, self._locks, self._slots = settings, locks, slots
        self._lock = asyncio.Lock()
        self._next = 0.0
        self._failures = 0

    @property
    def rest(self) -> float:
        """Seconds until the host may be asked again."""
        return max(0.0, self._next - time.monotonic())

    @property
    def at_work(self) -> bool:
        """Whether it is asked something, or its rest is to be remembered."""
        return self._lock.locked() or self.rest > 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Callable[[Answer], None]]:
        """Waits for the host's turn and rest.  Call what it gives with the answer.

        Raises RestingError where the rest is longer than `max_delay`.
        """
        async with self._lock:
            if self.rest > self._settings.max_delay:
                raise RestingError(self)
            await asyncio.sleep(self.rest)
            longest = self._settings.max_delay
            async with self._locks.take(self.name, self.delay, longest) as turn, self._slots:
                started = time.monotonic()
                answered: list[Answer] = []
                try:
                    yield answered.append
                finally:
                    for answer in answered:
                        rest = self._rest_after(time.monotonic() - started, answer)
                        turn.rest = min(rest, longest)
                        self._next = time.monotonic() + rest

    def _rest_after(self, seconds: float, answer: Answer) -> float:
        """Seconds to leave the host alone, from how long its answer took and what it said."""
        longest = self._settings.max_delay
        rest = min(self.delay, longest)
        if rest > 0:
            rest = max(rest, min(self._settings.delay_factor * seconds, longest))
        self._failures = self._failures + 1 if answer.failed else 0
        if self._failures:
            doubled = max(self.delay, _FIRST_BACKOFF) * 2.0 ** min(
                self._failures - 1, _MOST_DOUBLINGS
            )
            rest = max(rest, min(doubled, longest))
        if answer.status in (429, 503):
            rest = max(rest, retry_after(answer.headers.joined("retry-after")))
        return rest
