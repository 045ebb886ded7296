"""From a link to the answer at the end of its redirects, over all hosts that it leads to.

Each hop is made in the turn of its own host, after its own checks: address rules of the recipe,
robots.txt, preferences.  Cookies live as long as one trail.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from urllib.parse import urlsplit

from pipeline.pages.fetch import Answer, Fetcher, file_text
from pipeline.pages.host import Host, RestingError
from pipeline.pages.host_lock import HostLocks
from pipeline.pages.http.cookies import ChainCookies
from pipeline.pages.http.memory import Share
from pipeline.pages.outcomes import Outcome
from pipeline.pages.preferences import rsl
from pipeline.pages.preferences.preference import Preference, strongest
from pipeline.pages.settings import PagesSettings
from pipeline.pages.site import Refusal, Site
from pipeline.store.blocklist import AddressRules

_FILE_REDIRECTS = 5  # RFC 9309, 2.3.1.2
#: Hosts and sites that are remembered beyond those at work: redirects lead to others.
_MOST_HOSTS, _MOST_SITES, _MOST_LICENSES = 20_000, 1_000, 1_000
_LICENSES_A_PAGE = 3


@dataclass
class Pursuit:
    """A link that is followed: how often it was tried, and what the last try brought."""

    url: str
    tries: int = 0
    #: How often a host asked to be left alone instead of answering.
    rests: int = 0
    #: The digest of a page that was cut.
    cut: bytes = b""
    #: What robots.txt said at the end of the last trail.
    robots: str = ""


def host_of(url: str) -> str:
    """The name of an address's host, which takes locks whatever the port."""
    return urlsplit(url).hostname or ""


class Trails:
    """Follows links; remembers hosts and what their sites said."""

    def __init__(
        self, settings: PagesSettings, rules: AddressRules, locks: HostLocks, fetcher: Fetcher
    ) -> None:
        self._settings, self._rules, self._locks = settings, rules, locks
        self._fetcher = fetcher
        self._slots = asyncio.Semaphore(settings.requests_at_once)
        self._hosts: OrderedDict[str, Host] = OrderedDict()
        self._sites: OrderedDict[str, Site] = OrderedDict()
        self._licenses: OrderedDict[str, rsl.License | None] = OrderedDict()

    def host(self, name: str) -> Host:
        """The state of a host, made at first need; those that rest no more may be forgotten."""
        if name not in self._hosts:
            self._hosts[name] = Host(name, self._settings, self._locks, self._slots)
            if len(self._hosts) > _MOST_HOSTS:
                oldest, state = self._hosts.popitem(last=False)
                if state.at_work:
                    self._hosts[oldest] = state
        self._hosts.move_to_end(name)
        return self._hosts[name]

    def site(self, url: str) -> Site:
        """The site of an address; those unused for longest are forgotten, memory is bounded."""
        parts = urlsplit(url)
        root = f"{parts.scheme}://{parts.netloc}"
        if root not in self._sites:
            self._sites[root] = Site(root, self.host(host_of(url)), self._settings, self._file)
            if len(self._sites) > _MOST_SITES + self._settings.hosts_at_once:
                self._sites.popitem(last=False)
        self._sites.move_to_end(root)
        return self._sites[root]

    async def follow(self, pursuit: Pursuit, share: Share) -> Answer:
        """Tries a link until it ends: by an answer that stays, or after `attempts`.

        A page that was cut counts where the next try brings the same: then it is all that the
        server has, and its length is wrong.  Raises RestingError where a host on the way wants
        to be left alone; the pursuit goes on later.
        """
        while True:
            share.give_back()
            answer = await self._trail(pursuit, share)
            pursuit.tries = max(pursuit.tries + 1, answer.attempts)
            broken = answer.cut and answer.outcome == Outcome.CONNECTION
            digest = hashlib.sha256(answer.body).digest() if broken else b""
            if digest and digest == pursuit.cut:
                answer.outcome, answer.error = Outcome.OK, ""
            pursuit.cut = digest
            if not answer.worth_another_try or pursuit.tries >= self._settings.attempts:
                return answer

    async def _trail(self, pursuit: Pursuit, share: Share) -> Answer:
        """One way from the link to its end; the time-out holds for all hops together."""
        url, left = pursuit.url, self._settings.timeout
        cookies, hops, seen = ChainCookies(), list[Answer](), set[tuple[str, str]]()
        for _ in range(self._settings.max_redirects + 1):
            site, host, cookie = self.site(url), self.host(host_of(url)), cookies.header(url)
            refusal = await site.refusal(url)
            pursuit.robots = site.summary
            if refusal is not None:
                return _refused(pursuit.url, url, refusal)
            if (url, cookie) in seen:
                break
            seen.add((url, cookie))
            async with host.turn() as answered:
                started = time.monotonic()
                answer = await self._fetcher.page(url, left, cookie, share)
                left -= time.monotonic() - started
                answered(answer)
            host.pages += 1
            await self._read_licenses(answer)
            answer.url, answer.hops = pursuit.url, hops
            answer.preference = _decisive(answer.preference, site.preference(url))
            self._refuse_to_wait(host, answer, pursuit)
            if not answer.moved:
                return answer
            reason = self._rules.reason_to_drop(answer.moved, host_of(answer.moved))
            if reason is not None:
                answer.outcome, answer.error = Outcome.OFF_LIMITS, f"{reason}: {answer.moved}"
                return answer
            cookies.take(url, answer.headers)
            hops = [*hops, answer]
            url = answer.moved
        last = hops[-1]
        last.outcome, last.error = Outcome.REDIRECT_LOOP, f"{len(hops)} redirects, then {url}"
        return last

    def _refuse_to_wait(self, host: Host, answer: Answer, pursuit: Pursuit) -> None:
        """Puts a link aside whose host asks for patience, some times; then the answer stays."""
        patience = pursuit.rests < self._settings.attempts
        if answer.failed and patience and host.rest > self._settings.max_delay:
            pursuit.rests += 1
            raise RestingError(host)

    async def _read_licenses(self, answer: Answer) -> None:
        """Asks for the licences that a page names, and judges it by them."""
        wanted = answer.licenses[:_LICENSES_A_PAGE]
        for url in wanted:
            if url not in self._licenses:
                found = await self._file(url, rsl.MOST_BYTES, 1)
                text = file_text(found) if found.status == 200 else None
                self._licenses[url] = rsl.read_license(text, answer.final_url) if text else None
                if len(self._licenses) > _MOST_LICENSES:
                    self._licenses.popitem(last=False)
        if wanted:
            self._fetcher.screen(answer, self._licenses.get)

    async def _file(self, url: str, most_bytes: int, attempts: int) -> Answer:
        """A file of a site's own, each hop in the turn of its host."""
        for attempt in range(1, attempts + 1):
            answer = await self._file_once(url, most_bytes)
            answer.attempts = attempt
            if not answer.worth_another_try:
                break
        return answer

    async def _file_once(self, url: str, most_bytes: int) -> Answer:
        """Over at most 5 redirects."""
        for _ in range(_FILE_REDIRECTS + 1):
            async with self.host(host_of(url)).turn() as answered:
                answer = await self._fetcher.file(url, most_bytes)
                answered(answer)
            if not answer.moved:
                return answer
            url = answer.moved
        answer.outcome = Outcome.REDIRECT_LOOP
        return answer


def _refused(link: str, url: str, refusal: Refusal) -> Answer:
    return Answer(
        link,
        url,
        refusal.outcome,
        error=refusal.error,
        refused=True,
        preference=refusal.preference,
        attempts=refusal.attempts,
    )


def _decisive(*preferences: Preference | None) -> Preference | None:
    return strongest(one for one in preferences if one is not None)
