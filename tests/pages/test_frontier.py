"""All hosts of a worker at once: who waits for whom, what a deadline breaks off, what is open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.pages.crawl import Ended, Link, crawl
from pipeline.pages.group import Group
from pipeline.pages.worker import CrawlShare, crawl_groups
from pipeline.store.blocklist import AddressRules

from .crawling import SITE_FILES, ends, link, outcomes, settings
from .hostile_server import HostileServer, hostile_server


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with hostile_server() as running:
        yield running


def pages_asked(server: HostileServer) -> list[tuple[str, str]]:
    return [(host, path) for host, path in server.asked if path not in SITE_FILES]


def test_the_hosts_of_all_groups_are_at_work_at_once(server: HostileServer, tmp_path: Path) -> None:
    """Each group has one host: the first page of the last comes before the third of the first."""
    chosen = settings(server, delay=0.15, timeout=30.0)
    groups = tuple(Group(n, 12, str(tmp_path), "key", chosen, ()) for n in range(12))
    share = CrawlShare(0, groups, str(tmp_path), chosen, AddressRules())
    parts = crawl_groups(
        share, lambda group: [link(f"http://h{group.number}.test/{i}") for i in range(4)]
    )
    assert sum(part.counts.kept for part in parts) == 48
    assert len([part for part in parts if part.file and "fetches" in part.file.name]) == 12
    asked = pages_asked(server)
    firsts = {host: number for number, (host, _) in reversed(list(enumerate(asked)))}
    thirds = [number for number, (host, path) in enumerate(asked) if host == "h0.test"][2]
    assert len(firsts) == 12 and max(firsts.values()) < thirds


def test_batches_are_asked_for_when_there_is_room(server: HostileServer) -> None:
    """Memory does not grow with the number of links: the next batch waits for places."""
    open_at_once: list[int] = []
    ended: list[Ended] = []
    taken = 0

    def batches() -> Iterator[Sequence[Link]]:
        nonlocal taken
        for number in range(30):
            taken += 1
            open_at_once.append(taken * 2 - len(ended))
            yield [link(f"http://b{number}-{i}.test/page") for i in range(2)]

    crawl(batches(), settings(server, hosts_at_once=4, timeout=30.0), ended.append)
    assert [one.answer.outcome for one in ended] == ["ok"] * 60
    assert max(open_at_once) <= 8


def test_a_host_that_wants_rest_is_left_while_others_work(server: HostileServer) -> None:
    """For longer than one waits beside others, but not longer than they have to do."""
    slow = [f"http://h{i}.test/{page}" for i in range(4) for page in range(14)]
    urls = ["http://rests.test/page", *slow]
    chosen = settings(server, max_delay=0.4, delay=0.1, timeout=30.0)
    found = ends(urls, chosen)
    assert {ended.answer.outcome.value for ended in found.values()} == {"ok"}
    asked = [host for host, _ in pages_asked(server)]
    first, second = (number for number, host in enumerate(asked) if host == "rests.test")
    assert first < 8 and second - first > 20  # others were asked meanwhile


def test_nobody_waits_for_a_host_that_rests_for_a_day(server: HostileServer) -> None:
    """Also where a link only leads there: its own host goes on."""
    urls = ["http://to-wait-long.test/", "http://to-wait-long.test/good", "http://wait-long.test/"]
    assert outcomes(urls, settings(server)) == ["deferred", "ok", "deferred"]


def test_a_host_that_never_gets_ready_ends_its_links(server: HostileServer) -> None:
    """It says "in a second" each time it is asked; others have enough to do."""
    others = [f"http://h.test/{page}" for page in range(16)]
    chosen = settings(server, max_delay=0.4, delay=0.1, attempts=1, timeout=30.0)
    found = ends(["http://wait-second.test/page", *others], chosen)
    ended = found["http://wait-second.test/page"]
    assert ended.answer.outcome == "http_error" and ended.answer.status == 429
    assert len([one for one in pages_asked(server) if one[0] == "wait-second.test"]) == 2


def test_a_deadline_breaks_off_what_is_under_way(server: HostileServer) -> None:
    """A host that drips is not waited for; what has ended stays."""
    urls = ["http://drip.test/page", "http://drip.test/more", "http://good.test/page"]
    until = time.time() + 2.0
    found = ends(urls, settings(server, timeout=120.0), until=until)
    assert [found[url].answer.outcome.value for url in urls] == ["deferred", "deferred", "ok"]
    assert {found[url].answer.error for url in urls[:2]} == {"deadline"}


def test_the_time_of_a_host_breaks_off_its_page(server: HostileServer) -> None:
    urls = ["http://drip.test/page", "http://drip.test/more", "http://good.test/page"]
    found = ends(urls, settings(server, timeout=120.0, host_seconds=1.0))
    assert [found[url].answer.outcome.value for url in urls] == ["deferred", "deferred", "ok"]
    assert {found[url].answer.error for url in urls[:2]} == {"host_seconds"}


def test_after_the_deadline_nothing_is_begun(server: HostileServer) -> None:
    urls = [f"http://h{i}.test/" for i in range(5)]
    assert outcomes(urls, settings(server), until=time.time() - 1) == ["deferred"] * 5
    assert server.asked == []


def test_no_more_requests_than_are_allowed(server: HostileServer) -> None:
    urls = [f"http://slow.test/{i}" for i in range(2)] + [f"http://h{i}.test/" for i in range(30)]
    together = 0

    async def count(*_: object) -> None:
        nonlocal together
        together = max(together, sum(server.together.values()))

    with pytest.MonkeyPatch.context() as patch:
        answer = server._answer

        async def watched(*given: object) -> None:
            await count()
            await answer(*given)  # type: ignore[arg-type]

        patch.setattr(server, "_answer", watched)
        found = outcomes(urls, settings(server, requests_at_once=3, timeout=30.0))
    assert set(found) == {"ok"} and together <= 3


def test_a_name_without_address_is_tried_by_attempts(
    server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Name servers fail and come back: the second answer counts."""
    failures = {"fails-once.test": 1, "fails-ever.test": 99}
    asked: list[str] = []

    def look_up(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        if failures.get(host, 0) > 0:
            failures[host] -= 1
            raise OSError(-3, "Temporary failure in name resolution")
        return [(2, 1, 6, "", ("127.0.0.1", server.port))]

    monkeypatch.setattr("pipeline.pages.crawl.loop_factory", lambda: asyncio.SelectorEventLoop)
    monkeypatch.setattr("socket.getaddrinfo", look_up)
    monkeypatch.setattr("pipeline.pages.fetch.permitted", lambda *_: {("127.0.0.1", server.port)})
    chosen = settings(server, via="", contact="mailto:a@example.org", attempts=2)
    urls = ["http://fails-once.test/page", "http://fails-ever.test/page"]
    found = ends(urls, chosen)
    assert found[urls[0]].answer.outcome == "ok"
    assert (found[urls[1]].answer.outcome, found[urls[1]].attempts) == ("dns", 2)
    assert asked.count("fails-ever.test") == 2


def test_groups_that_are_done_are_not_opened_again(server: HostileServer, tmp_path: Path) -> None:
    chosen = settings(server)
    groups = tuple(Group(n, 2, str(tmp_path), "key", chosen, ()) for n in range(2))
    share = CrawlShare(0, groups, str(tmp_path), chosen, AddressRules())

    def links_of(group: Group) -> list[Link]:
        return [link(f"http://h{group.number}.test/{i}") for i in range(3)]

    first = crawl_groups(replace(share, groups=groups[:1]), links_of)
    asked = len(server.asked)
    again = crawl_groups(share, links_of)
    assert all(part in again for part in first)
    assert {host for host, _ in server.asked[asked:]} == {"h1.test"}
