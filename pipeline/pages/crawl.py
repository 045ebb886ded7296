"""The frontier of a worker: all its hosts side by side, each by one request at a time.

One event loop serves all.  Before a page comes robots.txt and the delay; a host that asks to be
left alone is put aside while others work; a host that keeps failing is left alone; what a
budget does not reach is deferred.  Links come in batches, and the next batch is asked for when
there is room for its hosts, so that memory does not grow with their number.  Nothing here knows
of Beam or of tables: outcomes go to `done`.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.pages.fetch import Answer, Fetcher
from pipeline.pages.host import Host, RestingError
from pipeline.pages.host_lock import HostLocks
from pipeline.pages.http.memory import Share
from pipeline.pages.outcomes import Outcome
from pipeline.pages.settings import PagesSettings
from pipeline.pages.trail import Pursuit, Trails, host_of
from pipeline.store.blocklist import AddressRules
from pipeline.store.errors import WebtextError
from pipeline.store.progress import HostPace

#: Batches that are open at once: each holds its links, and its archive open.
_MOST_BATCHES = 32
_PULSE = 1.0  # seconds between two reports of the hosts at work
_DEFAULT_RULES = AddressRules()


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
    batches: Iterable[Sequence[Link]],
    settings: PagesSettings,
    done: Callable[[Ended], None],
    *,
    rules: AddressRules = _DEFAULT_RULES,
    until: float = float("inf"),
    locks: HostLocks | None = None,
    pulse: Callable[[Sequence[HostPace]], None] = lambda hosts: None,
) -> None:
    """Fetches the links of all batches; calls `done` once for each, as they end.  Blocks.

    All links of a host are in one batch.  `rules` hold for what links redirect to.  At `until`
    (seconds since 1970) what is under way is broken off, and all that is left is deferred.
    `locks` are those of other processes that crawl at the same time.  `pulse` is told every
    second how the hosts at work fare.
    """
    frontier = _Frontier(settings, rules, done, locks or HostLocks(), pulse)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            runner.run(frontier.run(iter(batches), until))
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


@dataclass
class _Batch:
    """A batch that was begun: how many of its links have not ended."""

    left: int


@dataclass
class _Work:
    """The links of one host, while they are fetched."""

    links: int
    started: float
    ended: int = 0

    def pace(self, name: str, now: float) -> HostPace:
        """How the host fares; a first page takes as long as it took till now."""
        return HostPace(name, self.links - self.ended, (now - self.started) / max(self.ended, 1))


class _GivenUpError(Exception):
    """Nobody else works, and a host still wants to be left alone for long."""


class _Frontier:
    """All hosts of a worker and their common client."""

    def __init__(
        self,
        settings: PagesSettings,
        rules: AddressRules,
        done: Callable[[Ended], None],
        locks: HostLocks,
        pulse: Callable[[Sequence[HostPace]], None],
    ) -> None:
        self._settings, self._done, self._pulse = settings, done, pulse
        self._at_work: dict[str, _Work] = {}
        #: Links of the batches that were begun, each with its batch, until they end.
        self._open: dict[str, tuple[Link, _Batch]] = {}
        self._batches = asyncio.Semaphore(_MOST_BATCHES)
        #: When each host that was put aside may be asked again, by the monotonic clock.
        self._resting: dict[str, float] = {}
        #: Tasks that are not put aside.
        self._active = 0
        self._given_up = asyncio.Event()
        self._places = asyncio.Semaphore(settings.hosts_at_once)
        self._fetcher = Fetcher(settings)
        self._trails = Trails(settings, rules, locks, self._fetcher)

    async def run(self, batches: Iterator[Sequence[Link]], until: float) -> None:
        """Ends all links; after `until` as deferred."""
        seconds = until - time.time()
        try:
            async with asyncio.timeout(None if until == float("inf") else max(0.0, seconds)):
                await asyncio.sleep(0)  # where the time is up already nothing is begun
                async with self._fetcher:
                    await self._work(batches)
        except TimeoutError:
            begun = [link for link, _ in self._open.values()]
            for links in itertools.chain([begun], batches):
                for link in links:
                    self._end(link, Outcome.DEFERRED, "deadline")

    async def _work(self, batches: Iterator[Sequence[Link]]) -> None:
        """A task a host, as many as there are places; the next batch when there is room."""
        async with asyncio.TaskGroup() as beside:
            beat = beside.create_task(self._beat())
            async with asyncio.TaskGroup() as self._tasks:
                self._active += 1
                for links in batches:
                    await self._batches.acquire()
                    batch = _Batch(len(links))
                    self._open |= {link.id: (link, batch) for link in links}
                    by_host: dict[str, list[Link]] = defaultdict(list)
                    for link in links:
                        by_host[host_of(link.url)].append(link)
                    for name, waiting in by_host.items():
                        await self._places.acquire()
                        self._active += 1
                        self._tasks.create_task(self._host(name, waiting))
                self._one_less()
            beat.cancel()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_PULSE)
            now = time.monotonic()
            self._pulse([work.pace(name, now) for name, work in self._at_work.items()])

    async def _host(self, name: str, links: list[Link]) -> None:
        """Ends the links of one host, within its time."""
        work = self._at_work[name] = _Work(len(links), time.monotonic())
        try:
            async with asyncio.timeout(self._settings.host_seconds or None):
                await self._pages(self._trails.host(name), links, work)
        except TimeoutError:
            for link in links:
                if link.id in self._open:
                    self._end(link, Outcome.DEFERRED, "host_seconds")
        finally:
            del self._at_work[name]
            self._places.release()
            self._one_less()

    async def _pages(self, host: Host, links: list[Link], work: _Work) -> None:
        failures, most = 0, self._settings.host_pages
        for link in links:
            if most and host.pages >= most:
                self._end(link, Outcome.DEFERRED, "host_pages")
            elif failures >= self._settings.host_failures:
                self._end(link, Outcome.HOST_FAILED, f"{failures} failures in a row")
            else:
                failures = failures + 1 if await self._page(link, host) else 0
            work.ended += 1

    async def _page(self, link: Link, host: Host) -> bool:
        """Ends a link, or has it end later where another host on its way rests.

        True where it failed.
        """
        pursuit = Pursuit(link.url)
        with self._fetcher.memory.share() as share:
            try:
                return await self._pursue(link, pursuit, share, host)
            except RestingError as error:
                self._active += 1
                self._tasks.create_task(self._later(link, pursuit, error.host))
                return False
            except _GivenUpError as error:
                self._end(link, Outcome.DEFERRED, str(error))
                return False

    async def _pursue(self, link: Link, pursuit: Pursuit, share: Share, own: Host | None) -> bool:
        """Follows a link to its end, and waits for the rest of its host.

        Raises RestingError where the rest is that of another host than `own`.
        """
        while True:
            try:
                answer = await self._trails.follow(pursuit, share)
            except RestingError as error:
                if own is not None and error.host is not own:
                    raise
                await self._aside(error.host)
                continue
            self._finish(Ended(link, answer, pursuit.robots, pursuit.tries))
            return answer.failed

    async def _later(self, link: Link, pursuit: Pursuit, host: Host) -> None:
        """Ends a link that leads to a host which rests; its own host goes on meanwhile."""
        try:
            await self._wait_for(host)
            async with self._places:
                with self._fetcher.memory.share() as share:
                    await self._pursue(link, pursuit, share, None)
        except _GivenUpError as error:
            self._end(link, Outcome.DEFERRED, str(error))
        finally:
            self._one_less()

    async def _aside(self, host: Host) -> None:
        """Waits for a host's rest without a place."""
        self._places.release()
        try:
            await self._wait_for(host)
        finally:
            await self._places.acquire()

    async def _wait_for(self, host: Host) -> None:
        """Waits for a host's rest; raises _GivenUpError once it is all that is waited for."""
        rest = host.rest
        self._resting[host.name] = time.monotonic() + rest
        self._one_less()
        try:
            async with asyncio.timeout(rest):
                await self._given_up.wait()
        except TimeoutError:
            return
        finally:
            self._resting.pop(host.name, None)
            self._active += 1
        raise _GivenUpError(f"asked to wait {rest:.0f} s")

    def _one_less(self) -> None:
        """A task ends or is put aside; after the last one hosts that rest for long are given up."""
        self._active -= 1
        soonest = min(self._resting.values(), default=0.0) - time.monotonic()
        if self._active == 0 and self._resting and soonest > self._settings.max_delay:
            self._given_up.set()

    def _end(self, link: Link, outcome: Outcome, error: str) -> None:
        answer = Answer(link.url, link.url, outcome, error=error, refused=True)
        self._finish(Ended(link, answer, self._trails.site(link.url).summary, 0))

    def _finish(self, ended: Ended) -> None:
        _, batch = self._open.pop(ended.link.id, (None, None))
        self._done(ended)
        if batch is not None:
            batch.left -= 1
            if batch.left == 0:
                self._batches.release()
