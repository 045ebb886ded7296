"""What the crawler's tests share: links, settings and the crawl of a few of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.pages.crawl import Ended, Link, crawl
from pipeline.pages.settings import PagesSettings
from pipeline.store.addresses import page_id

from .hostile_server import HostileServer

#: What a site is asked for before its first page.
SITE_FILES = ["/robots.txt", "/.well-known/tdmrep.json"]


#: Seconds that a busy machine may take for what does come, and in which what never ends is given
#: up; the second also bounds what comes before it from the same host, such as its robots.txt.
PATIENT, GIVES_UP = 900.0, 4.0


def link(url: str) -> Link:
    return Link(page_id(url), url, url.split("/")[2])


def settings(server: HostileServer, **changes: object) -> PagesSettings:
    """Settings that take every host to the server."""
    values = {
        "via": server.origin,
        "allow_hosts": ("127.0.0.1",),
        "delay": 0.0,
        "timeout": PATIENT,
        "max_bytes": 1_000_000,
        "attempts": 2,
    }
    return PagesSettings.checked(values | changes, "test")


def open_web(**changes: object) -> PagesSettings:
    """Settings without `via`: only the guard stands between the crawler and loopback."""
    values = {"contact": "mailto:a@example.org", "delay": 0.0, "attempts": 1, "timeout": PATIENT}
    return PagesSettings.checked(values | changes, "test")


def ends(urls: Sequence[str], chosen: PagesSettings, **how: Any) -> dict[str, Ended]:
    """{address: how it ended}, each exactly once."""
    links = [link(url) for url in urls]
    found: dict[str, Ended] = {}

    def done(ended: Ended) -> None:
        assert ended.link.id not in found, "a link ended twice"
        found[ended.link.id] = ended

    crawl([links], chosen, done, **how)
    assert found.keys() == {one.id for one in links}
    return {ended.link.url: ended for ended in found.values()}


def outcomes(urls: Sequence[str], chosen: PagesSettings, **how: Any) -> list[str]:
    """The outcomes, in the order of the addresses."""
    found = ends(urls, chosen, **how)
    return [found[url].answer.outcome.value for url in urls]
