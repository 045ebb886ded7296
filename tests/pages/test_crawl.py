"""The crawler against a server that does all a hostile web does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.pages.crawl import Ended, crawl
from pipeline.store.errors import FullDiskError

from .crawling import GIVES_UP, ends, link, settings
from .hostile_server import HostileServer, hostile_server


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    with hostile_server() as running:
        yield running


OUTCOMES = {
    "good": "ok",
    "gzip": "ok",
    "brotli": "ok",
    "gzip-bomb": "too_large",
    "brotli-bomb": "too_large",
    "cut-gzip": "ok",
    "not-gzip": "bad_encoding",
    "strange-encoding": "ok",
    "short": "ok",
    "closed-early": "ok",
    "long-answer": "ok",
    "negative": "ok",
    "chunks": "timeout",
    "headers": "ok",
    "continue": "connection",
    "two-lengths": "ok",
    "no-http": "connection",
    "bad-bytes": "ok",
    "latin": "ok",
    "klingon": "ok",
    "utf-16": "ok",
    "long-header": "ok",
    "endless-header": "connection",
    "pdf": "content_type",
    "image": "content_type",
    "meta-noai": "opt_out_noai",
    "meta-for-us": "opt_out_noindex",
    "header-noarchive": "opt_out_noarchive",
    "header-none": "opt_out_noindex",
    "header-many": "opt_out_noml",
    "for-others": "ok",
    "tdm": "opt_out_tdm",
    "tdm-meta": "opt_out_tdm",
    "tdm-meta-over-header": "ok",
    "tdm-site": "opt_out_tdm",
    "tdm-elsewhere": "ok",
    "tdm-rubbish": "ok",
    "tdm-wait": "deferred",
    "meta-storm": "too_large",
    "loop": "redirect_loop",
    "to-reddit": "off_limits",
    "to-good": "ok",
    "to-wikipedia": "off_limits",
    "nowhere": "http_error",
    "see-other": "ok",
    "refresh": "ok",
    "refresh-header": "ok",
    "refresh-itself": "ok",
    "refresh-late": "ok",
    "usage": "opt_out_content_usage",
    "usage-by-path": "opt_out_content_usage",
    "signal": "opt_out_content_signal",
    "rsl": "opt_out_rsl",
    "rsl-free": "ok",
    "rsl-unread": "opt_out_rsl",
    "rsl-link": "opt_out_rsl",
    "to-closed": "robots",
    "to-file": "http_error",
    "missing": "not_found",
    "gone": "gone",
    "teapot": "http_error",
    "storm-429": "http_error",
    "storm-503": "http_error",
    "wait-long": "deferred",
    "wait-strange": "http_error",
    "closed-by-robots": "robots",
    "robots-500": "robots_unavailable",
    "slow-robots": "robots_unavailable",
    "ai-closed": "opt_out_ai_agents",
    "crawl-delay": "crawl_delay",
    "nan-delay": "ok",
    "drip": "timeout",
    "drip-header": "timeout",
    "endless": "too_large",
    "reset": "connection",
    "dated": "ok",
}


#: Hosts that never come to an end.
ENDLESS = ("short", "negative", "chunks", "continue", "slow-robots", "drip", "drip-header")


@pytest.fixture(scope="module")
def crawled(server: HostileServer) -> dict[str, Ended]:
    found: dict[str, Ended] = {}
    for names, chosen in (
        (OUTCOMES.keys() - ENDLESS, settings(server)),
        (ENDLESS, settings(server, timeout=GIVES_UP, attempts=1)),
    ):
        found |= ends([f"http://{name}.test/page" for name in names], chosen)
    return found


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
    for name in ("closed-by-robots", "robots-500", "ai-closed", "crawl-delay", "tdm-site"):
        asked = set(server.asked_of(f"{name}.test"))
        assert asked <= {"/robots.txt", "/.well-known/tdmrep.json"}


def test_what_characters_a_page_is_in_is_recorded(crawled: dict[str, Ended]) -> None:
    """The header may be wrong or name nothing known; a byte order mark beats it."""
    found = {
        name: (answer.charset, answer.charset_by)
        for name in ("latin", "klingon", "utf-16", "good")
        for answer in [crawled[f"http://{name}.test/page"].answer]
    }
    assert found == {
        "latin": ("windows-1252", "detected"),
        "klingon": ("utf-8", "utf-8"),
        "utf-16": ("utf-16-le", "bom"),
        "good": ("utf-8", "utf-8"),
    }


def test_where_an_opt_out_was_said_is_recorded(crawled: dict[str, Ended]) -> None:
    said = {name: crawled[f"http://{name}.test/page"].answer.error for name in OUTCOMES}
    assert said["meta-noai"] == "meta robots: noai"
    assert said["header-many"] == "header X-Robots-Tag: noml"
    assert said["tdm-meta"] == "meta tdm-reservation: tdm-reservation=1"
    assert said["tdm-site"] == "tdmrep.json: tdm-reservation=1"
    assert said["ai-closed"] == "robots.txt: gptbot: disallow"


def test_where_redirects_lead(crawled: dict[str, Ended], server: HostileServer) -> None:
    """By headers, by a refresh at once; not by one that shows the page anew, or much later."""
    ended = {name: crawled[f"http://{name}.test/page"].answer.final_url for name in OUTCOMES}
    assert ended["to-good"] == ended["refresh-header"] == "http://good.test/there"
    assert ended["refresh"] == "http://refresh.test/there"
    assert ended["see-other"] == "http://see-other.test/there"
    for name in ("refresh-itself", "refresh-late", "nowhere"):
        assert ended[name] == f"http://{name}.test/page"
        assert server.asked_of(f"{name}.test").count("/page") == 1


def test_a_full_disk_is_one_plain_error(server: HostileServer) -> None:
    def done(ended: Ended) -> None:
        raise FullDiskError("No space left", "Free some space")

    links = [link(f"http://h{i}.test/") for i in range(20)]
    with pytest.raises(FullDiskError, match="No space left"):
        crawl([links], settings(server), done)
