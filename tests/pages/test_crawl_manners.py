"""What the crawler asks of many hosts, and of hosts that want to be left alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest

from pipeline.store.retry_after import retry_after

from .crawling import SITE_FILES, outcomes, settings
from .hostile_server import HostileServer, hostile_server


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with hostile_server() as running:
        yield running


def test_a_day_of_waiting_is_left_to_the_next_run(server: HostileServer) -> None:
    urls = [f"http://wait-long.test/{i}" for i in range(5)]
    assert set(outcomes(urls, settings(server))) == {"deferred"}
    asked = server.asked_of("wait-long.test")
    assert [path for path in asked if path not in SITE_FILES] == ["/0"]


def test_one_request_at_a_time_for_each_host(server: HostileServer) -> None:
    """Also for those that come to a host by a redirect from another."""
    hosts = [f"h{i}.test" for i in range(40)]
    urls = [f"http://{host}/{i}" for host in hosts for i in range(5)]
    urls += [f"http://to-good.test/{i}" for i in range(10)]
    urls += [f"http://good.test/{i}" for i in range(10)]
    assert set(outcomes(urls, settings(server))) == {"ok"}
    assert {server.most_together[host] for host in [*hosts, "good.test", "to-good.test"]} == {1}


def test_a_thousand_hosts_each_with_its_robots(server: HostileServer) -> None:
    """Every third shuts out all; the others shut out a path that no other host does."""
    hosts = range(1_000)
    urls = [f"http://many-{i}.test/page" for i in hosts]
    urls += [f"http://many-{i}.test/other-{i}" for i in hosts]
    found = outcomes(urls, settings(server))
    assert found[:1_000] == ["ok" if i % 3 else "robots" for i in hosts]
    assert found[1_000:] == ["robots"] * 1_000
    for i in hosts:
        asked = server.asked_of(f"many-{i}.test")
        assert asked.count("/robots.txt") == 1
        assert [path for path in asked if path not in SITE_FILES] == ["/page"] * bool(i % 3)


@pytest.mark.parametrize(
    ("host", "seconds", "changes"),
    [
        ("h.test", 0.2, {"delay": 0.2}),
        ("some-delay.test", 0.3, {}),
        ("rate.test", 0.25, {}),
        ("slow.test", 0.2 + 0.6, {"delay": 0.01, "delay_factor": 3.0}),
    ],
)
def test_a_host_rests_between_two_pages(
    server: HostileServer, host: str, seconds: float, changes: dict[str, float]
) -> None:
    """By the setting, by Crawl-delay, by Request-rate, and by how long its answers take."""
    urls = [f"http://{host}/page{i}" for i in range(3)]
    assert set(outcomes(urls, settings(server, **changes))) == {"ok"}
    assert len(server.gaps(host, "/page")) == 2
    assert min(server.gaps(host, "/page")) >= seconds


def test_rests_double_with_each_failure_up_to_a_limit(server: HostileServer) -> None:
    urls = [f"http://storm-503.test/{i}" for i in range(4)]
    chosen = settings(server, attempts=1, delay=0.1, max_delay=0.4, host_failures=9)
    assert set(outcomes(urls, chosen)) == {"http_error"}
    first, second, third = server.gaps("storm-503.test")[-3:]
    assert first >= 0.1 and second >= 0.2 and third >= 0.4


def test_retry_after_is_waited_for(server: HostileServer) -> None:
    chosen = settings(server, attempts=2)
    assert outcomes(["http://wait-second.test/page"], chosen) == ["http_error"]
    (gap,) = server.gaps("wait-second.test", "/page")
    assert gap >= 1.0


def test_connections_are_kept(server: HostileServer) -> None:
    assert set(outcomes([f"http://h.test/{i}" for i in range(40)], settings(server))) == {"ok"}
    assert server.connections < 5


def test_a_failing_host_is_left_alone(server: HostileServer) -> None:
    urls = [f"http://reset.test/{i}" for i in range(10)]
    found = outcomes(urls, settings(server, host_failures=3, attempts=1))
    assert sorted(found) == ["connection"] * 3 + ["host_failed"] * 7


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 120 ", 120.0),
        ("2.5", 2.5),
        ("60s", 60.0),
        ("60 Seconds", 60.0),
        ("5, 5", 5.0),
        ("5 minutes", 0.0),
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


def test_retry_after_a_date_to_come() -> None:
    an_hour = retry_after(formatdate(time.time() + 3_600, usegmt=True))
    assert 3_000 < an_hour <= 3_601
