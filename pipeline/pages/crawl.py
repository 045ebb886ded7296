"""The crawl of a group of hosts: hosts side by side, each by one request at a time.

One event loop serves the group.  Before a page comes robots.txt and the delay; a
host that answers 429 or 503 says how long to wait; a host that keeps failing is
left alone.  Nothing here knows of Beam or of files: outcomes go to `done`.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from pipeline.errors import WebtextError
from pipeline.links.blocklist import reason_to_drop
from pipeline.pages.fetch import Answer, Client
from pipeline.pages.outcomes import UNREACHED, Outcome
from pipeline.pages.robots import MOST_BYTES, Rules, fetch_rules
from pipeline.pages.settings import PagesSettings


@dataclass(frozen=True)
class Link:
    """A page to fetch."""

    id: str
    url: str
    host: str


@dataclass(frozen=True)
class Ended:
    """How a link ended: the answer, what robots.txt said, and how often it was tried."""

    link: Link
    answer: Answer
    robots: str
    attempts: int


def crawl(links: Sequence[Link], settings: PagesSettings, done: Callable[[Ended], None]) -> None:
    """Fetches all links; calls `done` once for each, as they end.  Blocks."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            runner.run(_Group(settings, done).run(links))
        except BaseExceptionGroup as several:
            # A full disk stops all hosts at once: one error speaks for all.
            error: BaseException | None = several.subgroup(WebtextError)
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            raise (error or several) from None


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is there, else asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415  # not on every platform
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


class _Group:
    """The hosts of one group and their common client."""

    def __init__(self, settings: PagesSettings, done: Callable[[Ended], None]) -> None:
        self.settings, self.done = settings, done
        self._hosts: dict[str, _Host] = {}
        budget = settings.time_budget
        self._until = time.monotonic() + budget if budget else float("inf")

    async def run(self, links: Sequence[Link]) -> None:
        by_host: dict[str, list[Link]] = defaultdict(list)
        for link in links:
            by_host[link.host].append(link)
        places = asyncio.Semaphore(self.settings.hosts_at_once)
        async with Client(self.settings) as self.client:

            async def one(name: str, waiting: list[Link]) -> None:
                async with places:
                    await self._host_pages(self.host(name), waiting)

            async with asyncio.TaskGroup() as tasks:
                for name, waiting in by_host.items():
                    tasks.create_task(one(name, waiting))

    def host(self, name: str) -> _Host:
        """The state of a host, made at first need (a redirect may lead to a new one)."""
        return self._hosts.setdefault(name, _Host(name, self))

    async def _host_pages(self, host: _Host, links: list[Link]) -> None:
        failures = 0
        for link in links:
            if host.asked_away:
                self._end(link, Outcome.DEFERRED, host, f"asked to wait {host.asked_away:.0f} s")
                continue
            if time.monotonic() > self._until:
                self._end(link, Outcome.DEFERRED, host, "time_budget")
            elif failures >= self.settings.host_failures:
                self._end(link, Outcome.HOST_FAILED, host, f"{failures} failures in a row")
            else:
                ended = await self._page(link)
                failures = failures + 1 if ended.answer.outcome in UNREACHED else 0
                self.done(ended)

    async def _page(self, link: Link) -> Ended:
        for attempt in range(1, self.settings.attempts + 1):
            answer, robots = await self._chain(link.url)
            asked = self.host(urlsplit(answer.final_url).netloc).asked_away
            if asked:
                answer.outcome, answer.error = Outcome.DEFERRED, f"asked to wait {asked:.0f} s"
            elif answer.worth_another_try and attempt < self.settings.attempts:
                await asyncio.sleep(self._backoff(answer, attempt))
                continue
            break
        return Ended(link, answer, robots, attempt)

    async def _chain(self, url: str) -> tuple[Answer, str]:
        """The answer at the end of the redirects, and what its host's robots.txt said.

        Each hop is made in the turn of its own host, after its own checks, and the
        deadline holds for all together, waiting for turns aside.
        """
        first, left = url, self.settings.deadline
        for _ in range(self.settings.max_redirects + 1):
            host = self.host(urlsplit(url).netloc)
            async with host.turn:
                refused = await host.refusal(url)
                if refused is not None:
                    return Answer(first, url, refused, error=host.said), host.said
                await host.wait()
                started = time.monotonic()
                answer = await self.client.page(url, left)
                seconds = time.monotonic() - started
                host.answered(seconds, answer)
            answer.url = first
            left -= seconds
            if not answer.moved:
                return answer, host.said
            if reason_to_drop(answer.moved):
                answer.outcome, answer.error = Outcome.OFF_LIMITS, answer.moved
                return answer, host.said
            url = answer.moved
        answer.outcome = Outcome.REDIRECT_LOOP
        return answer, host.said

    def _backoff(self, answer: Answer, attempt: int) -> float:
        """Seconds before another try: what the host asks for, else 1, 2, 4 … times the delay."""
        asked = retry_after(answer.header("retry-after"))
        plain = max(self.settings.delay, 0.1) * float(2 ** (attempt - 1))
        return min(max(asked, plain), self.settings.max_delay)

    def _end(self, link: Link, outcome: Outcome, host: _Host, error: str) -> None:
        self.done(Ended(link, Answer(link.url, link.url, outcome, error=error), host.said, 0))


class _Host:
    """One host: its turn (one request at a time), its rules and its delay."""

    def __init__(self, name: str, group: _Group) -> None:
        self.name, self._group = name, group
        self.turn = asyncio.Lock()
        self._rules: Rules | None = None
        self._next = 0.0
        self._delay = group.settings.delay
        #: Seconds for which the host wants to be left alone, where that is beyond our patience.
        self.asked_away = 0.0

    @property
    def said(self) -> str:
        """What robots.txt said, for the record; empty before it was asked for."""
        return self._rules.said if self._rules else ""

    async def refusal(self, url: str) -> Outcome | None:
        """Why an address of this host may not be fetched; None when it may."""
        settings = self._group.settings
        if self._rules is None:
            root = "{0.scheme}://{0.netloc}/".format(urlsplit(url))
            self._rules = await fetch_rules(
                lambda: self._group.client.small(f"{root}robots.txt", MOST_BYTES)
            )
            self._delay = max(settings.delay, self._rules.delay(settings.user_agent))
        if not self._rules.may_fetch(url, settings.user_agent):
            return Outcome.ROBOTS
        if self._delay > settings.max_delay:
            return Outcome.CRAWL_DELAY
        root = "{0.scheme}://{0.netloc}/".format(urlsplit(url))
        if settings.respect_ai_opt_out and self._rules.refuses_ai(root):
            return Outcome.OPT_OUT
        return None

    async def wait(self) -> None:
        """Waits until the host may be asked again."""
        await asyncio.sleep(max(0.0, self._next - time.monotonic()))

    def answered(self, seconds: float, answer: Answer) -> None:
        """Sets the time of the next request, from how long this one took and what it said."""
        settings = self._group.settings
        rest = self._delay
        if rest > 0:
            rest = max(rest, min(settings.delay_factor * seconds, settings.max_delay))
        if answer.status in (429, 503):
            asked = retry_after(answer.header("retry-after"))
            rest = max(rest, min(asked, settings.max_delay))
            self.asked_away = asked if asked > settings.max_delay else 0.0
        self._next = time.monotonic() + rest


def retry_after(value: str) -> float:
    """Seconds that a Retry-After header asks for, given as seconds or as a date; 0 without one."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return 0.0
