"""The crawler against a server that does all a hostile web does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.corpus import page_id
from pipeline.errors import FullDiskError
from pipeline.pages.crawl import Ended, Link, crawl, retry_after
from pipeline.pages.settings import PagesSettings

from .hostile_server import HostileServer, hostile_server


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    with hostile_server() as running:
        yield running


def link(url: str) -> Link:
    return Link(page_id(url), url, url.split("/")[2])


def settings(server: HostileServer, **changes: object) -> PagesSettings:
    values = {
        "via": server.origin,
        "allow_hosts": ("127.0.0.1",),
        "delay": 0.0,
        "deadline": 1.5,
        "max_bytes": 1_000_000,
        "attempts": 2,
    }
    return PagesSettings.checked(values | changes, "test")


def ends(links: list[Link], chosen: PagesSettings) -> dict[str, Ended]:
    found: dict[str, Ended] = {}

    def done(ended: Ended) -> None:
        assert ended.link.id not in found, "a link ended twice"
        found[ended.link.id] = ended

    crawl(links, chosen, done)
    assert found.keys() == {one.id for one in links}
    return {ended.link.url: ended for ended in found.values()}


OUTCOMES = {
    "good": "ok",
    "gzip": "ok",
    "brotli": "ok",
    "gzip-bomb": "too_large",
    "brotli-bomb": "too_large",
    "cut-gzip": "bad_encoding",
    "not-gzip": "bad_encoding",
    "strange-encoding": "bad_encoding",
    "short": "timeout",
    "two-lengths": "connection",
    "no-http": "connection",
    "bad-bytes": "ok",
    "long-header": "connection",
    "pdf": "content_type",
    "image": "content_type",
    "meta-noai": "opt_out",
    "header-noarchive": "opt_out",
    "for-others": "ok",
    "tdm": "opt_out",
    "meta-storm": "too_large",
    "loop": "redirect_loop",
    "to-reddit": "off_limits",
    "to-good": "ok",
    "to-file": "http_error",
    "missing": "not_found",
    "gone": "gone",
    "teapot": "http_error",
    "storm-429": "http_error",
    "storm-503": "http_error",
    "wait-long": "deferred",
    "wait-strange": "http_error",
    "closed-by-robots": "robots",
    "robots-500": "robots",
    "slow-robots": "robots",
    "ai-closed": "opt_out",
    "crawl-delay": "crawl_delay",
    "nan-delay": "ok",
    "drip": "timeout",
    "endless": "too_large",
    "reset": "connection",
    "dated": "ok",
}


@pytest.fixture(scope="module")
def crawled(server: HostileServer) -> dict[str, Ended]:
    return ends([link(f"http://{name}.test/page") for name in OUTCOMES], settings(server))


@pytest.mark.parametrize(("name", "outcome"), OUTCOMES.items())
def test_every_misbehaviour_is_an_outcome(
    crawled: dict[str, Ended], name: str, outcome: str
) -> None:
    answer = crawled[f"http://{name}.test/page"].answer
    assert answer.outcome == outcome, answer.error


def test_what_is_said_can_be_stored(crawled: dict[str, Ended]) -> None:
    """Bytes that are no UTF-8 in headers would break the journal and the fetch table."""
    for ended in crawled.values():
        said = [ended.answer.error, *(text for pair in ended.answer.headers for text in pair)]
        assert all(text.encode() is not None for text in said)


def test_a_host_that_disallows_is_not_asked_for_pages(
    crawled: dict[str, Ended], server: HostileServer
) -> None:
    for name in ("closed-by-robots", "robots-500", "ai-closed", "crawl-delay"):
        assert server.asked_of(f"{name}.test") == ["/robots.txt"]


def test_a_day_of_waiting_is_left_to_the_next_run(server: HostileServer) -> None:
    links = [link(f"http://wait-long.test/{i}") for i in range(5)]
    before = len(server.asked_of("wait-long.test"))
    found = ends(links, settings(server))
    assert {ended.answer.outcome for ended in found.values()} == {"deferred"}
    assert len(server.asked_of("wait-long.test")) - before == 2  # robots.txt and one page


def test_one_request_at_a_time_for_each_host_and_no_cookies(server: HostileServer) -> None:
    hosts = [f"h{i}.test" for i in range(40)]
    links = [link(f"http://{host}/{i}") for host in hosts for i in range(5)]
    links += [link(f"http://to-good.test/{i}") for i in range(10)]
    found = ends(links, settings(server, contact="mailto:someone@example.org"))
    assert {ended.answer.outcome for ended in found.values()} == {"ok"}
    assert {server.most_together[host] for host in [*hosts, "good.test"]} == {1}
    head = server.heads[-1]
    assert "mailto:someone@example.org" in head
    assert "cookie" not in head.lower() and "authorization" not in head.lower()


def test_a_thousand_hosts_each_with_its_robots(server: HostileServer) -> None:
    links = [link(f"http://many-{i}.test/page") for i in range(1_000)]
    found = ends(links, settings(server, deadline=30.0))
    assert {ended.answer.outcome for ended in found.values()} == {"ok"}
    assert all(server.asked_of(f"many-{i}.test") == ["/robots.txt", "/page"] for i in range(1_000))


def test_a_failing_host_is_left_alone(server: HostileServer) -> None:
    links = [link(f"http://reset.test/{i}") for i in range(10)]
    found = ends(links, settings(server, host_failures=3, attempts=1))
    outcomes = [ended.answer.outcome.value for ended in found.values()]
    assert sorted(outcomes) == ["connection"] * 3 + ["host_failed"] * 7


def test_the_inner_network_is_out_of_reach(server: HostileServer) -> None:
    """Without `via` only the guard stands between a redirect, a literal or a name and loopback."""
    chosen = PagesSettings.checked(
        {"contact": "mailto:a@example.org", "delay": 0.0, "attempts": 1}, "test"
    )
    urls = [
        f"http://127.0.0.1:{server.port}/",
        f"http://localhost:{server.port}/",
        f"http://[::1]:{server.port}/",
        f"http://[::ffff:127.0.0.1]:{server.port}/",
        f"http://[::127.0.0.1]:{server.port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
    ]
    before = len(server.asked)
    found = ends([link(url) for url in urls], chosen)
    assert {ended.answer.outcome.value for ended in found.values()} <= {"robots", "refused_address"}
    assert len(server.asked) == before


def test_a_redirect_to_an_address_that_is_not_allowed(server: HostileServer) -> None:
    allowed = f"localhost:{server.port}"
    literal = f"127.0.0.1:{server.port}"
    chosen = PagesSettings.checked(
        {
            "contact": "mailto:a@example.org",
            "delay": 0.0,
            "attempts": 1,
            "allow_hosts": (allowed, literal),
        },
        "test",
    )
    urls = [f"http://{place}/page" for place in (allowed, literal)]
    found = ends([link(url) for url in urls], chosen)
    assert found[urls[0]].answer.outcome == "ok"
    ended = found[urls[1]].answer
    assert (ended.outcome, ended.final_url) in {
        ("refused_address", f"http://127.0.0.2:{server.port}/inner"),
        ("robots", f"http://127.0.0.2:{server.port}/inner"),  # its robots.txt is refused as well
    }
    assert not any(path == "/inner" for _, path in server.asked)


def test_a_full_disk_is_one_plain_error(server: HostileServer) -> None:
    def done(ended: Ended) -> None:
        raise FullDiskError("No space left", "Free some space")

    links = [link(f"http://h{i}.test/") for i in range(20)]
    with pytest.raises(FullDiskError, match="No space left"):
        crawl(links, settings(server), done)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("", 0.0),
        ("²", 0.0),
        ("-5", 0.0),
        ("soon", 0.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        ("Fri, 99 Foo 2024", 0.0),
    ],
)
def test_retry_after(value: str, seconds: float) -> None:
    assert retry_after(value) == seconds
