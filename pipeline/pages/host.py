"""One host and its sites: its turn and its rest, its robots.txt and its reservations.

A host (a name, whatever the port) is asked one thing at a time; a site (scheme, name
and port) has a robots.txt and a tdmrep.json of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from pipeline.pages import robots, tdmrep
from pipeline.pages.fetch import Answer
from pipeline.pages.host_lock import Turns
from pipeline.pages.outcomes import UNREACHED, Outcome
from pipeline.pages.settings import PagesSettings
from pipeline.store.retry_after import retry_after

_FIRST_BACKOFF = 0.1  # seconds after a first failure where the delay is less
_MOST_DOUBLINGS = 20  # beyond all patience; keeps the power small

#: Fetches a file of a site, so many bytes at most, by so many attempts at most.
FetchFile = Callable[[str, int, int], Awaitable[Answer]]


class Host:
    """The turn of one host: when it may be asked again, and how it fares."""

    def __init__(self, name: str, settings: PagesSettings, turns: Turns) -> None:
        self.name = name
        #: Seconds between two requests: the setting, or what robots.txt asks for.
        self.delay = settings.delay
        #: Seconds for which the host wants to be left alone, where that is beyond our patience.
        self.asked_away = 0.0
        self.pages = 0
        self.started: float | None = None
        self._settings, self._turns = settings, turns
        self._lock = asyncio.Lock()
        self._next = 0.0
        self._failures = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Callable[[Answer], None]]:
        """Waits for the host's turn and rest.  Call what it gives with the answer."""
        async with self._lock:
            await asyncio.sleep(max(0.0, self._next - time.monotonic()))
            longest = self._settings.max_delay
            async with self._turns.take(self.name, self.delay, longest) as turn:
                started = time.monotonic()
                self.started = self.started or started
                answered: list[Answer] = []
                try:
                    yield answered.append
                finally:
                    for answer in answered:
                        turn.rest = self._rest(time.monotonic() - started, answer)
                    self._next = time.monotonic() + turn.rest

    def _rest(self, seconds: float, answer: Answer) -> float:
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
            asked = retry_after(answer.header("retry-after"))
            rest = max(rest, min(asked, longest))
            self.asked_away = asked if asked > longest else 0.0
        return rest


class Refusal(NamedTuple):
    """Why an address may not be fetched."""

    outcome: Outcome
    said: str


class Site:
    """What a site says about being crawled, asked for at first need and again after a day."""

    def __init__(self, root: str, host: Host, settings: PagesSettings, fetch: FetchFile) -> None:
        self._root, self._host = root, host
        self._settings, self._fetch = settings, fetch
        self._loading = asyncio.Lock()
        self._until = float("-inf")
        self._rules = robots.Rules("")
        self._reservations = tdmrep.Reservations()
        self._failed: Refusal | None = None

    @property
    def said(self) -> str:
        """What robots.txt said, for the record; empty before it was asked for."""
        return self._rules.said

    async def refusal(self, url: str) -> Refusal | None:
        """Why an address of this site may not be fetched; None when it may."""
        async with self._loading:
            if time.monotonic() >= self._until:
                await self._load()
                self._until = time.monotonic() + robots.SECONDS
        if self._host.asked_away:
            return Refusal(Outcome.DEFERRED, f"asked to wait {self._host.asked_away:.0f} s")
        return self._failed or self._refusal_by_rules(url)

    def _refusal_by_rules(self, url: str) -> Refusal | None:
        if not self._rules.may_fetch(url, self._settings.user_agent):
            return Refusal(Outcome.ROBOTS, self.said)
        if self._host.delay > self._settings.max_delay:
            return Refusal(Outcome.CRAWL_DELAY, f"asks for {self._host.delay:g} s between requests")
        if self._settings.respect_ai_opt_out and self._rules.refuses_ai(url):
            return Refusal(Outcome.AI_AGENTS, "robots.txt")
        if self._reservations.reserved(url):
            return Refusal(Outcome.TDM, "tdmrep.json")
        return None

    async def _load(self) -> None:
        self._failed, self._reservations = None, tdmrep.Reservations()
        attempts = self._settings.attempts
        answer = await self._fetch(f"{self._root}/robots.txt", robots.MOST_BYTES, attempts)
        if answer.status is None:
            self._rules = robots.Rules(f"disallow: {answer.outcome}")
            known = answer.outcome in UNREACHED | {Outcome.REFUSED_ADDRESS}
            lost = known and answer.outcome != Outcome.TIMEOUT
            outcome = answer.outcome if lost else Outcome.ROBOTS_UNAVAILABLE
            self._failed = Refusal(outcome, answer.error)
            return
        self._rules = robots.rules_from(answer.status, answer.body)
        if self._rules.parsed is None and not self._rules.allow_all:
            self._failed = Refusal(Outcome.ROBOTS_UNAVAILABLE, self.said)
            return
        agent = self._settings.user_agent
        self._host.delay = max(self._settings.delay, self._rules.delay(agent))
        place = f"{self._root}{tdmrep.PATH}"
        if self._host.delay <= self._settings.max_delay and self._rules.may_fetch(place, agent):
            answer = await self._fetch(place, tdmrep.MOST_BYTES, 1)
            if answer.status == 200:
                self._reservations = tdmrep.parse_reservations(answer.body)
