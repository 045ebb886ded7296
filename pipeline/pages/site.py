"""A site (scheme, name and port): its robots.txt, its reservations, and its licences."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from pipeline.pages import robots
from pipeline.pages.fetch import Answer, file_text
from pipeline.pages.host import Host
from pipeline.pages.outcomes import UNREACHED, Outcome
from pipeline.pages.preferences import rsl, tdmrep
from pipeline.pages.preferences.preference import Preference, strongest
from pipeline.pages.settings import PagesSettings
from pipeline.store.addresses import resolve

_MOST_LICENSES = 5  # of one robots.txt that are asked for

#: Fetches a file of a site, so many bytes at most, by so many attempts at most.
FetchFile = Callable[[str, int, int], Awaitable[Answer]]


class Refusal(NamedTuple):
    """Why an address may not be fetched."""

    outcome: Outcome
    error: str
    preference: Preference | None = None
    #: How often the file was asked for that refuses it.
    attempts: int = 0


class Site:
    """What a site says about being crawled, asked for at first need and again after a day."""

    def __init__(self, root: str, host: Host, settings: PagesSettings, fetch: FetchFile) -> None:
        self._root, self._host = root, host
        self._settings, self._fetch = settings, fetch
        self._loading = asyncio.Lock()
        self._until = float("-inf")
        self._rules = robots.RobotsRules("")
        self._reservations = tdmrep.Reservations()
        self._licenses: list[rsl.License | None] = []
        self._failed: Refusal | None = None

    @property
    def summary(self) -> str:
        """What robots.txt said, for the record; empty before it was asked for."""
        return self._rules.summary

    async def refusal(self, url: str) -> Refusal | None:
        """Why an address of this site may not be fetched; None when it may."""
        async with self._loading:
            if time.monotonic() >= self._until:
                await self._load()
                self._until = time.monotonic() + robots.SECONDS
        return self._failed or self._refusal_by_rules(url)

    def preference(self, url: str) -> Preference | None:
        """The strongest of what the site's own files say of the use of an address."""
        preferences = list(self._rules.preferences(url))
        if self._settings.respect_ai_opt_out and (shut := self._rules.ai_refusal(url)):
            preferences.append(shut)
        if reserved := self._reservations.preference(url):
            preferences.append(reserved)
        where = "robots.txt License"
        for licensed in self._licenses:
            found = licensed.preference(url, where) if licensed else rsl.unread(where)
            preferences += [found] if found else []
        return strongest(preferences)

    def _refusal_by_rules(self, url: str) -> Refusal | None:
        if not self._rules.may_fetch(url):
            return Refusal(Outcome.ROBOTS, self.summary)
        if self._host.delay > self._settings.max_delay:
            return Refusal(Outcome.CRAWL_DELAY, f"asks for {self._host.delay:g} s between requests")
        refusal = self.preference(url)
        if refusal is not None and refusal.refuses:
            return Refusal(refusal.outcome, f"{refusal.where}: {refusal.statement}", refusal)
        return None

    async def _load(self) -> None:
        self._failed, self._reservations, self._licenses = None, tdmrep.Reservations(), []
        attempts, agent = self._settings.attempts, self._settings.user_agent
        answer = await self._fetch(f"{self._root}/robots.txt", robots.MOST_BYTES, attempts)
        self._rules = _rules_of(answer, agent)
        if self._rules.own is None and not self._rules.allow_all:
            self._failed = _unavailable(answer, self._rules, attempts)
            return
        self._host.delay = max(self._settings.delay, self._rules.delay)
        if self._host.delay > self._settings.max_delay:
            return
        for address in self._rules.licenses[:_MOST_LICENSES]:
            self._licenses.append(await self._read_license(address))
        url = f"{self._root}{tdmrep.PATH}"
        if self._rules.may_fetch(url):
            answer = await self._fetch(url, tdmrep.MOST_BYTES, 1)
            text = file_text(answer) if answer.status == 200 else None
            self._reservations = tdmrep.parse_reservations(text or b"")

    async def _read_license(self, address: str) -> rsl.License | None:
        """The licence at an address as robots.txt names it; None where none can be read."""
        url = resolve(f"{self._root}/robots.txt", address)
        if url is None:
            return None
        answer = await self._fetch(url, rsl.MOST_BYTES, 1)
        text = file_text(answer) if answer.status == 200 else None
        return rsl.read_license(text, self._root) if text else None


def _rules_of(answer: Answer, agent: str) -> robots.RobotsRules:
    """The rules of an answer.  One behind too many redirects is no file: RFC 9309, 2.3.1.2."""
    if answer.outcome == Outcome.REDIRECT_LOOP:
        return robots.RobotsRules("allow: redirect_loop", allow_all=True)
    text = file_text(answer)
    if answer.status is None or text is None:
        return robots.RobotsRules(f"disallow: {answer.outcome}")
    return robots.rules_from(answer.status, text, agent)


def _unavailable(answer: Answer, rules: robots.RobotsRules, attempts: int) -> Refusal:
    """Why nothing is asked of a site: it cannot be reached, or its robots.txt cannot."""
    lost = answer.outcome in (UNREACHED | {Outcome.REFUSED_ADDRESS}) - {Outcome.TIMEOUT}
    outcome = answer.outcome if lost and answer.status is None else Outcome.ROBOTS_UNAVAILABLE
    error = answer.error if answer.status is None else rules.summary
    return Refusal(outcome, error, attempts=answer.attempts)
