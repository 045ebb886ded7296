"""Settings of the pages stage: where pages come from, and the crawler's manners."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from pipeline.settings import Settings


class PagesSettings(Settings):
    """The `[pages]` section of a recipe."""

    source: Literal["web", "warc"] = "web"
    """`web` crawls; `warc` takes the pages from archives."""
    warc: tuple[str, ...] = ()
    """Globs of the archives for `source = "warc"`."""

    wayback: bool = False
    """Whether dead links are looked up in the Wayback Machine, one by one, after the rest."""

    contact: str = ""
    """Address or page of the operator, in the user agent.  The open web is not crawled without."""
    user_agent: str = "webtext"
    """Name of the crawler, which robots.txt can name."""

    delay: float = Field(1.0, ge=0, le=3600)
    """Least seconds between two requests to one host (Scrapy's template: 1)."""
    delay_factor: float = Field(2.0, ge=0)
    """The delay is also this many times the last answer's time, so that slow hosts get rest
    (Heritrix: 5; with one request at a time 2 leaves a host idle two thirds of the time).
    Does nothing where `delay` is 0."""
    max_delay: float = Field(30.0, gt=0)
    """Longest delay.  A host whose robots.txt asks for more is left out, not hurried."""
    hosts_at_once: int = Field(64, ge=1, le=2_000)
    """Hosts of a group that are crawled at the same time, each by one request at a time."""

    deadline: float = Field(30.0, gt=0)
    """Seconds for one page, everything from DNS to the last byte, redirects included."""
    max_bytes: int = Field(10_000_000, ge=1_000)
    """Most bytes of a body, as received and again decompressed."""
    max_redirects: int = Field(5, ge=0, le=20)
    """RFC 9309 asks for at least 5 for robots.txt; pages get as many."""
    attempts: int = Field(3, ge=1, le=10)
    """Tries of a page on time-outs, broken connections, 429 and 5xx."""
    host_failures: int = Field(5, ge=1)
    """Pages in a row that fail by the network before the rest of a host is left alone."""
    time_budget: float = Field(0.0, ge=0)
    """Seconds for the crawl of one group of hosts; what is left over is deferred.  0: no limit."""
    respect_ai_opt_out: bool = True
    """Whether a site that disallows the known AI crawlers is left out."""

    via: str = ""
    """Origin, such as `http://127.0.0.1:8017`, that answers for all hosts (a replay server)."""
    allow_hosts: tuple[str, ...] = ()
    """Hosts (`name` or `name:port`) that may have a private address or another port."""

    links_a_group: int = Field(5_000, ge=1)
    """Links for one group of hosts: one event loop, one fetch table; at least 8 groups are made."""
    segment_mb: int = Field(256, ge=1)
    """Size at which a WARC segment is closed and the next begun."""
    segment_minutes: float = Field(30.0, gt=0)
    """Age at which a WARC segment is closed whatever its size, so that slow crawls show results."""

    volatile: ClassVar[frozenset[str]] = frozenset(
        {
            "contact",
            "via",
            "warc",
            "allow_hosts",
            "delay",
            "delay_factor",
            "hosts_at_once",
            "time_budget",
            "segment_mb",
            "segment_minutes",
            "links_a_group",
        }
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.source == "warc" and not self.warc:
            raise ValueError('pages.warc is empty; name the archives, such as ["*.warc.gz"]')
        if self.source == "web" and not self.via and not self.contact:
            raise ValueError(
                "pages.contact is empty; hosts must be able to reach you before the open web is "
                'crawled: contact = "mailto:you@example.org"'
            )
        return self

    def agent(self) -> str:
        """The User-Agent header."""
        return f"{self.user_agent}/1.0 (+{self.contact})" if self.contact else self.user_agent
