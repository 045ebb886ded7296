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
from dataclasses import dataclass

from pipeline.pages.guard import permitted
from pipeline.pages.http.client import Client
from pipeline.pages.http.exchange import Exchange, Origin, Request
from pipeline.pages.http.memory import Memory
from pipeline.pages.settings import PagesSettings
from pipeline.store.content_coding import TooLargeError
from pipeline.store.http_answer import AnswerHead, Headers, NoHttpError
from pipeline.store.retry_after import retry_after

_DECAY = 0.9  # of the delay, at each answer: a doubling is forgotten after seven


class AwayError(Exception):
    """No more can be asked now: the server said so, does not answer, or the time is up."""


@dataclass(frozen=True)
class Reply:
    """An answer of the server; status 0 where none came, with the reason as `error`."""

    status: int
    headers: Headers = Headers()  # noqa: RUF009  # nothing in it changes
    body: bytes = b""
    error: str = ""


class _All:
    """What is wanted of an answer: all of it, up to a cap."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes

    def most_bytes(self, head: AnswerHead) -> int:
        """The cap, whatever it is."""
        return self._most_bytes

    def enough(self, head: AnswerHead, body: bytearray) -> bool:
        """Never before its end."""
        return False


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
        self._client = Client(permitted("", self._settings.allow_hosts))
        self._memory = Memory(self._settings.memory_mb << 20)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def get(self, url: str, most_bytes: int, headers: Mapping[str, str]) -> Reply:
        """The answer of the server; AwayError once it has said no `archive_attempts` times.

        Raises TooLargeError for a body of more than `most_bytes`.
        """
        for attempt in range(1, self._settings.archive_attempts + 1):
            await self._wait()
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

    async def _wait(self) -> None:
        """Waits until the next request may be made; AwayError where the time is up before that."""
        wait = max(0.0, self._next - time.monotonic())
        if time.time() + wait > self._until:
            raise AwayError("pages.deadline is over")
        await asyncio.sleep(wait)

    def _answered(self) -> None:
        self._failures = 0
        self._delay = max(self._least, self._delay * _DECAY)

    def _refused(self, reply: Reply, attempt: int) -> None:
        """Slows down; AwayError when the server asks for more patience than we have."""
        most = self._settings.max_delay
        patience = retry_after(reply.headers.joined("retry-after"))
        if patience > most:
            raise AwayError(f"asked to wait {patience:.0f} s")
        if reply.status == 0:
            self._failures += 1
            if self._failures >= self._settings.host_failures:
                raise AwayError(f"{self._failures} failures in a row: {reply.error}")
        self._delay = min(most, 2 * max(self._delay, 0.05))
        wait = min(most, self._delay * float(2 ** (attempt - 1)))
        self._next = time.monotonic() + max(patience, wait)

    async def _once(self, url: str, most_bytes: int, headers: Mapping[str, str]) -> Reply:
        """Asks once.  An answer that does not come to its end is none."""
        given = (("User-Agent", self._settings.agent()), ("Accept-Encoding", "identity"))
        request = Request.of(url, (*given, *headers.items()))
        seconds = min(self._settings.archive_timeout, max(0.0, self._until - time.time()))
        try:
            with self._memory.share() as share:
                exchange = await self._client.get(
                    Origin.of(url), request, _All(most_bytes), share, seconds
                )
        except TimeoutError:
            return Reply(0, error=f"longer than {seconds:g} s")
        except (NoHttpError, OSError) as error:
            return Reply(0, error=f"{type(error).__name__}: {error}"[:300])
        return _reply(exchange, most_bytes, seconds)


def _reply(exchange: Exchange, most_bytes: int, seconds: float) -> Reply:
    if exchange.too_large:
        raise TooLargeError(f"more than {most_bytes:,} bytes")
    if exchange.late:
        return Reply(0, error=f"longer than {seconds:g} s")
    if not exchange.whole:
        return Reply(0, error=f"cut after {len(exchange.body):,} bytes")
    return Reply(exchange.head.status, exchange.head.headers, exchange.body)
