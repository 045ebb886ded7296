"""The crawl of a group of hosts: hosts side by side, each by one request at a time.

One event loop serves the group.  Before a page comes robots.txt and the delay; a
host that answers 429 or 503 says how long to wait; a host that keeps failing is
left alone; what a budget does not reach is deferred.  Nothing here knows of Beam or
of tables: outcomes go to `done`.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from pipeline.pages.fetch import Answer, Client
from pipeline.pages.host import Host, Site
from pipeline.pages.host_lock import Turns
from pipeline.pages.outcomes import Outcome
from pipeline.pages.settings import PagesSettings
from pipeline.store.blocklist import reason_to_drop
from pipeline.store.errors import WebtextError
from pipeline.store.progress import HostPace

#: Sites whose robots.txt is kept, for each host at work: redirects lead to others.
_SITES_A_HOST = 4
_LEAST_SITES = 256
_PULSE = 1.0  # seconds between two reports of the hosts at work
_FILE_REDIRECTS = 5  # RFC 9309, 2.3.1.2


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


def crawl(
    links: Sequence[Link],
    settings: PagesSettings,
    done: Callable[[Ended], None],
    *,
    until: float = float("inf"),
    turns: Turns | None = None,
    pulse: Callable[[Sequence[HostPace]], None] = lambda hosts: None,
) -> None:
    """Fetches all links; calls `done` once for each, as they end.  Blocks.

    After `until` (seconds since 1970) no page is begun.  `turns` are those of other
    processes that crawl at the same time.  `pulse` is told every second how the hosts
    at work fare.
    """
    group = _Group(settings, done, until, turns or Turns(), pulse)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            runner.run(group.run(links))
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


def host_of(url: str) -> str:
    """The name of an address's host, which takes turns whatever the port."""
    return urlsplit(url).hostname or ""


@dataclass
class _Work:
    """The links of one host, while they are fetched."""

    links: int
    started: float
    ended: int = 0

    def pace(self, name: str, now: float) -> HostPace:
        """How the host fares; a first page takes as long as it took till now."""
        return HostPace(name, self.links - self.ended, (now - self.started) / max(self.ended, 1))


class _Group:
    """The hosts of one group and their common client."""

    def __init__(
        self,
        settings: PagesSettings,
        done: Callable[[Ended], None],
        until: float,
        turns: Turns,
        pulse: Callable[[Sequence[HostPace]], None],
    ) -> None:
        self._settings, self._done, self._pulse = settings, done, pulse
        self._until, self._turns = until, turns
        self._at_work: dict[str, _Work] = {}
        self._hosts: dict[str, Host] = {}
        self._sites: OrderedDict[str, Site] = OrderedDict()
        self._most_sites = max(_LEAST_SITES, _SITES_A_HOST * settings.hosts_at_once)

    async def run(self, links: Sequence[Link]) -> None:
        by_host: dict[str, list[Link]] = defaultdict(list)
        for link in links:
            by_host[host_of(link.url)].append(link)
        places = asyncio.Semaphore(self._settings.hosts_at_once)
        async with Client(self._settings) as self._client:

            async def one(name: str, waiting: list[Link]) -> None:
                async with places:
                    await self._host_pages(self._host(name), waiting)

            async with asyncio.TaskGroup() as beside:
                beat = beside.create_task(self._beat())
                async with asyncio.TaskGroup() as tasks:
                    for name, waiting in by_host.items():
                        tasks.create_task(one(name, waiting))
                beat.cancel()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_PULSE)
            now = time.monotonic()
            self._pulse([work.pace(name, now) for name, work in self._at_work.items()])

    def _host(self, name: str) -> Host:
        """The state of a host, made at first need (a redirect may lead to a new one)."""
        if name not in self._hosts:
            self._hosts[name] = Host(name, self._settings, self._turns)
        return self._hosts[name]

    def _site(self, url: str) -> Site:
        """The site of an address; those unused for longest are forgotten, memory is bounded."""
        parts = urlsplit(url)
        root = f"{parts.scheme}://{parts.netloc}"
        if root not in self._sites:
            self._sites[root] = Site(root, self._host(host_of(url)), self._settings, self._file)
        self._sites.move_to_end(root)
        if len(self._sites) > self._most_sites:
            self._sites.popitem(last=False)
        return self._sites[root]

    async def _host_pages(self, host: Host, links: list[Link]) -> None:
        failures = 0
        work = self._at_work[host.name] = _Work(len(links), time.monotonic())
        for link in links:
            used_up = self._used_up(host)
            if used_up:
                self._end(link, Outcome.DEFERRED, used_up)
            elif failures >= self._settings.host_failures:
                self._end(link, Outcome.HOST_FAILED, f"{failures} failures in a row")
            else:
                ended = await self._page(link)
                failures = failures + 1 if ended.answer.failed else 0
                self._done(ended)
            work.ended += 1
        del self._at_work[host.name]

    def _used_up(self, host: Host) -> str:
        """Why no more is asked of a host in this run; empty while there is time."""
        chosen = self._settings
        if host.asked_away:
            return f"asked to wait {host.asked_away:.0f} s"
        if time.time() > self._until:
            return "deadline"
        if chosen.host_pages and host.pages >= chosen.host_pages:
            return "host_pages"
        since = time.monotonic() - host.started if host.started is not None else 0.0
        return "host_seconds" if chosen.host_seconds and since > chosen.host_seconds else ""

    async def _page(self, link: Link) -> Ended:
        for attempts in itertools.count(1):
            answer, robots = await self._chain(link.url)
            asked = self._host(host_of(answer.final_url)).asked_away
            if asked:
                answer.outcome, answer.error = Outcome.DEFERRED, f"asked to wait {asked:.0f} s"
            if asked or not answer.worth_another_try or attempts == self._settings.attempts:
                break
        return Ended(link, answer, robots, attempts)

    async def _chain(self, url: str) -> tuple[Answer, str]:
        """The answer at the end of the redirects, and what its site's robots.txt said.

        Each hop is made in the turn of its own host, after its own checks, and the
        time-out holds for all together, waiting for turns aside.
        """
        first, left = url, self._settings.timeout
        for _ in range(self._settings.max_redirects + 1):
            site, host = self._site(url), self._host(host_of(url))
            refusal = await site.refusal(url)
            if refusal is not None:
                outcome, said = refusal
                return Answer(first, url, outcome, error=said, refused=True), site.said
            async with host.turn() as answered:
                started = time.monotonic()
                answer = await self._client.page(url, left)
                left -= time.monotonic() - started
                answered(answer)
            host.pages += 1
            answer.url = first
            if not answer.moved:
                return answer, site.said
            if reason_to_drop(answer.moved):
                answer.outcome, answer.error = Outcome.OFF_LIMITS, answer.moved
                return answer, site.said
            url = answer.moved
        answer.outcome = Outcome.REDIRECT_LOOP
        return answer, site.said

    async def _file(self, url: str, most_bytes: int, attempts: int) -> Answer:
        """A file of a site's own, over at most 5 redirects, each hop in the turn of its host."""
        for _ in range(attempts):
            place = url
            for _ in range(_FILE_REDIRECTS + 1):
                host = self._host(host_of(place))
                async with host.turn() as answered:
                    answer = await self._client.file(place, most_bytes)
                    answered(answer)
                if not answer.moved:
                    break
                place = answer.moved
            else:
                answer.status, answer.outcome = None, Outcome.REDIRECT_LOOP
            if not answer.worth_another_try or host.asked_away:
                break
        return answer

    def _end(self, link: Link, outcome: Outcome, error: str) -> None:
        answer = Answer(link.url, link.url, outcome, error=error, refused=True)
        self._done(Ended(link, answer, self._site(link.url).said, 0))
