"""Asking an archive's server politely: one connection, one request at a time, and patience.

Common Crawl's servers and the Wayback Machine serve everybody for nothing and turn away
those who ask too fast (data.commoncrawl.org answers 403 to two connections at once, the
Wayback Machine 429).  So the delay doubles whenever the server says no and shrinks slowly
while it answers; a server that keeps saying no ends the work, and the rest is deferred.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from pipeline.pages.fetch import storable
from pipeline.pages.guard import permitted, socket_factory
from pipeline.pages.settings import PagesSettings
from pipeline.store.decode import TooLargeError
from pipeline.store.retry_after import retry_after

_PIECE = 1 << 16
_DECAY = 0.9  # of the delay, at each answer: a doubling is forgotten after seven


class AwayError(Exception):
    """No more can be asked now: the server said so, does not answer, or the time is up."""


@dataclass(frozen=True)
class Reply:
    """An answer of the server; status 0 where none came, with the reason as `error`."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)  # lower-case names
    pairs: tuple[tuple[str, str], ...] = ()  # as they came
    body: bytes = b""
    error: str = ""


class PoliteClient:
    """One connection to one server; use as an async context manager.

    `delay` is the least number of seconds between two requests, `no` the statuses by
    which the server says that it is asked too much, `until` the time at which work ends.
    """

    def __init__(
        self, settings: PagesSettings, delay: float, no: frozenset[int], until: float
    ) -> None:
        self._settings, self._least, self._no, self._until = settings, delay, no, until
        self._delay, self._next, self._failures = delay, 0.0, 0

    async def __aenter__(self) -> PoliteClient:
        connector = aiohttp.TCPConnector(
            limit=1, socket_factory=socket_factory(permitted("", self._settings.allow_hosts))
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
            headers={"User-Agent": self._settings.agent(), "Accept-Encoding": "identity"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(self, url: str, most_bytes: int, headers: Mapping[str, str]) -> Reply:
        """The answer of the server; AwayError once it has said no `archive_attempts` times.

        Raises TooLargeError for a body of more than `most_bytes`.
        """
        for attempt in range(1, self._settings.archive_attempts + 1):
            if time.time() > self._until:
                raise AwayError("pages.deadline is over")
            await asyncio.sleep(max(0.0, self._next - time.monotonic()))
            try:
                reply = await self._once(url, most_bytes, headers)
            finally:
                self._next = time.monotonic() + self._delay
            if reply.status and reply.status not in self._no:
                self._answered()
                return reply
            self._refused(reply, attempt)
            if reply.status == 0 and attempt >= self._settings.attempts:
                return reply
        raise AwayError(f"status {reply.status} at {self._settings.archive_attempts} tries")

    def _answered(self) -> None:
        self._failures = 0
        self._delay = max(self._least, self._delay * _DECAY)

    def _refused(self, reply: Reply, attempt: int) -> None:
        """Slows down; AwayError when the server asks for more patience than we have."""
        most = self._settings.max_delay
        asked = retry_after(reply.headers.get("retry-after", ""))
        if asked > most:
            raise AwayError(f"asked to wait {asked:.0f} s")
        if reply.status == 0:
            self._failures += 1
            if self._failures >= self._settings.host_failures:
                raise AwayError(f"{self._failures} failures in a row: {reply.error}")
        self._delay = min(most, 2 * max(self._delay, 0.05))
        wait = min(most, self._delay * float(2 ** (attempt - 1)))
        self._next = time.monotonic() + max(asked, wait)

    async def _once(self, url: str, most_bytes: int, headers: Mapping[str, str]) -> Reply:
        seconds = self._settings.archive_timeout
        try:
            async with (
                asyncio.timeout(seconds),
                self._session.get(
                    URL(url, encoded=True), headers=headers, allow_redirects=False
                ) as response,
            ):
                body = bytearray()
                async for piece in response.content.iter_chunked(_PIECE):
                    body += piece
                    if len(body) > most_bytes:
                        raise TooLargeError(f"more than {most_bytes:,} bytes")
                pairs = tuple((storable(n), storable(v)) for n, v in response.headers.items())
                named = {name.lower(): value for name, value in pairs}
                return Reply(response.status, named, pairs, bytes(body))
        except TooLargeError:
            raise
        except TimeoutError:
            return Reply(0, error=f"longer than {seconds:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Reply(0, error=f"{type(error).__name__}: {error}"[:300])
