"""robots.txt by RFC 9309: what a file says, and what it means when there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from pipeline.pages import site as sites
from pipeline.pages.fetch import Answer
from pipeline.pages.host import Host
from pipeline.pages.host_lock import HostLocks
from pipeline.pages.http.exchange import Exchange
from pipeline.pages.outcomes import Outcome
from pipeline.pages.robots import MOST_BYTES, SECONDS, parse_rules, rules_from
from pipeline.pages.settings import PagesSettings
from pipeline.pages.site import Refusal, Site
from pipeline.store.http_answer import AnswerHead, Headers

from .crawling import GIVES_UP, outcomes, settings
from .hostile_server import HostileServer, hostile_server

ANSWERS = [
    (200, b"User-agent: *\nDisallow: /", False),
    (200, b"User-agent: *\nDisallow:", True),
    (200, b"", True),
    (206, b"User-agent: *\nDisallow: /", False),
    (200, "\ufeffUser-agent: *\nDisallow: /".encode("utf-16-le"), False),
    (200, b"<!doctype html><title>No such page</title>\nUser-agent: *\nDisallow: /", True),
    (301, b"", False),
    (400, b"", True),
    (401, b"", True),
    (403, b"", True),
    (404, b"", True),
    (410, b"", True),
    (429, b"", False),  # asks for patience, which is no permission
    (500, b"", False),
    (503, b"", False),
]


@pytest.mark.parametrize(("status", "body", "allowed"), ANSWERS)
def test_what_an_answer_means(status: int, body: bytes, allowed: bool) -> None:
    """2.3.1: 4xx allows all, 5xx disallows all."""
    assert rules_from(status, body, "webtext").may_fetch("http://a.test/page") is allowed


FILES = [
    # The group of our name alone; several groups of one name are one; case does not matter.
    ("User-agent: *\nDisallow: /\n\nUser-agent: webtext\nDisallow: /x", "/page", True),
    ("User-agent: WEBTEXT\nDisallow: /a\n\nUser-agent: webtext\nDisallow: /b", "/a", False),
    ("User-agent: WEBTEXT\nDisallow: /a\n\nUser-agent: webtext\nDisallow: /b", "/b", False),
    ("User-agent: other\nUser-agent: webtext\nDisallow: /a", "/a", False),
    ("User-agent: other\nDisallow: /", "/page", True),
    # The longest match decides, whatever the order; equal ones allow.
    ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/c", True),
    ("User-agent: *\nAllow: /a/b\nDisallow: /a", "/a/b/c", True),
    ("User-agent: *\nAllow: /\nDisallow: /a", "/a", False),
    ("User-agent: *\nDisallow: /page\nAllow: /page", "/page", True),
    # Special characters.
    ("User-agent: *\nDisallow: /*.php$", "/a/x.php", False),
    ("User-agent: *\nDisallow: /*.php$", "/a/x.php?y=1", True),
    ("User-agent: *\nDisallow: /a*/c", "/abc/c", False),
    ("User-agent: *\nDisallow: /%7Ejoe", "/~joe/x", False),
    ("User-agent: *\nDisallow: /caf\u00e9", "/caf%C3%A9", False),
    ("User-agent: *\nDisallow: /a?b=", "/a?b=1", False),
    # Paths are told apart by case; what is no rule is passed over.
    ("User-agent: *\nDisallow: /A", "/a", True),
    ("\ufeffUser-agent: *\r\nDisallow: /a # why\r\n", "/a", False),
    ("User-agent: *\nNonsense\nSitemap: http://a.test/s.xml\nDisallow: /a", "/a", False),
    ("user-agent:*\ndisallow:/a", "/a", False),
    ("Disallow: /", "/page", True),
    ("<html><body>Disallow: /</body></html>", "/page", True),
    ("User-agent: *\nDisallow: /a\0b", "/ab", False),
    # A group is ours by the whole name, whatever the version behind it.
    ("User-agent: *\nDisallow: /\n\nUser-agent: webtext/1.0\nAllow: /", "/page", True),
    ("User-agent: *\nAllow: /\n\nUser-agent: text\nDisallow: /", "/page", True),
    ("User-agent: *\nAllow: /\n\nUser-agent: other, webtext\nDisallow: /", "/page", False),
]


@pytest.mark.parametrize(("text", "path", "allowed"), FILES)
def test_what_a_file_says(text: str, path: str, allowed: bool) -> None:
    rules = parse_rules(text.encode(), "webtext")
    assert rules.may_fetch(f"http://a.test{path}") is allowed


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("Crawl-delay: 10", 10.0),
        ("Crawl-delay: 0.5", 0.5),
        ("Request-rate: 1/5", 5.0),
        ("Request-rate: 1/5\nCrawl-delay: 7", 7.0),
        ("Crawl-delay: soon", 0.0),
        ("Crawl-delay: -3", 0.0),
        ("Crawl-delay: nan", 0.0),
        ("Crawl-delay: inf", 0.0),
        ("Request-rate: 0/5", 0.0),
    ],
)
def test_delays(line: str, seconds: float) -> None:
    assert parse_rules(f"User-agent: *\n{line}\n".encode(), "webtext").delay == seconds


def test_what_lies_beyond_the_cap_is_not_read() -> None:
    """2.5: at least 500 KiB are parsed.  A line that the cap cuts is no rule."""
    start, late = b"User-agent: *\nDisallow: /first\n", b"\nDisallow: /last\n"
    filled = start + b"#" * (MOST_BYTES - len(start) - len(late)) + late
    for body, last in ((filled, False), (b"#\n" + filled, True)):
        rules = parse_rules(body, "webtext")
        assert not rules.may_fetch("http://a.test/first")
        assert rules.may_fetch("http://a.test/last") is last


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("User-agent: GPTBot\nDisallow: /", True),
        ("User-agent: gptbot\nUser-agent: CCBot\nDisallow: /", True),
        ("User-agent: GPTBot\nDisallow: /private/", False),
        ("User-agent: *\nDisallow: /", False),  # that is `robots`
        ("User-agent: *\nDisallow: /x", False),
        ("User-agent: Googlebot\nDisallow: /", False),
        ("User-agent: GPTBot/1.0\nDisallow: /", True),
        ("User-agent: Googlebot, CCBot\nDisallow: /", True),
        ("User-agent: Brightbot 1.0\nDisallow: /", True),
        ("User-agent: ChatGPT-User\nDisallow: /", False),  # a reader's agent gathers nothing
        ("User-agent: notgptbot\nDisallow: /", False),
        # What is said to us by name goes before what is said to others.
        ("User-agent: GPTBot\nDisallow: /\n\nUser-agent: webtext\nAllow: /", False),
        ("User-agent: GPTBot\nDisallow: /\n\nUser-agent: WebText/1.0\nAllow: /", False),
        ("User-agent: GPTBot\nDisallow: /\n\nUser-agent: web\nAllow: /", True),
    ],
)
def test_sites_that_shut_out_ai_crawlers(text: str, refused: bool) -> None:
    found = parse_rules(text.encode(), "webtext").ai_refusal("http://a.test/page")
    assert (found is not None) is refused


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    with hostile_server() as running:
        yield running


@pytest.mark.parametrize(
    ("address", "outcome"),
    [
        ("robots-far.test/page", "ok"),
        ("robots-far.test/closed", "robots"),
        ("robots-around.test/page", "ok"),  # RFC 9309, 2.3.1.2: as if there were none
        ("robots-429.test/page", "robots_unavailable"),
        ("robots-403.test/page", "ok"),
        ("robots-large.test/first", "robots"),
        ("robots-large.test/last", "ok"),
    ],
)
def test_files_that_are_hard_to_get(server: HostileServer, address: str, outcome: str) -> None:
    """Behind redirects, also to another host; behind too many; refused, too large."""
    assert outcomes([f"http://{address}"], settings(server, attempts=1)) == [outcome]


def test_a_file_that_never_ends_is_not_to_be_had(server: HostileServer) -> None:
    chosen = settings(server, attempts=1, timeout=GIVES_UP)
    assert outcomes(["http://robots-short.test/page"], chosen) == ["robots_unavailable"]


def test_it_is_believed_for_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, clock = [], [1_000.0]

    async def fetch(url: str, most_bytes: int, attempts: int) -> Answer:
        asked.append(url)
        body = b"User-agent: *\nDisallow: /" if len(asked) > 2 else b""
        return Answer(
            url, url, Outcome.OK, Exchange(b"", AnswerHead(200, Headers()), body, whole=True)
        )

    monkeypatch.setattr(sites.time, "monotonic", lambda: clock[0])
    chosen = PagesSettings(contact="mailto:a@example.org")
    host = Host("a.test", chosen, HostLocks(), asyncio.Semaphore())
    site = Site("http://a.test", host, chosen, fetch)
    files = ["http://a.test/robots.txt", "http://a.test/.well-known/tdmrep.json"]

    def refusal_after(seconds: float) -> Refusal | None:
        clock[0] = 1_000.0 + seconds
        return asyncio.run(site.refusal("http://a.test/page"))

    assert [refusal_after(hours * 3_600) for hours in (0, 1, 23)] == [None] * 3
    assert asked == files
    refused = refusal_after(SECONDS)
    assert refused is not None and refused.outcome == Outcome.ROBOTS
    assert asked == [*files, files[0]]
