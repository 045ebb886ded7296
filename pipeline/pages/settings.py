"""Settings of the pages stage: where pages come from, and the crawler's manners."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pipeline.pages.page_source import PAGE_SOURCES, PageSource
from pipeline.store.settings import NameIn, OpenSettings, Settings, own_sections

#: It goes into a header, so it is one word; a host's operator must be able to use it.
_CONTACT = re.compile(r"(mailto:)?[^\s@:/]+@[^\s@:/]+|https?://[^\s/]+\S*", re.A)


class PagesSettings(OpenSettings):
    """The `[pages]` section of a recipe."""

    source: Annotated[str, NameIn(PAGE_SOURCES)] = "web"
    """`web` crawls; `warc` takes the pages from archives; `commoncrawl` from Common Crawl's;
    `texts` has texts of one's own in their place."""
    warc: tuple[str, ...] = ()
    """Globs of the archives for `source = "warc"`."""
    commoncrawl: tuple[str, ...] = ()
    """Globs of the Parquet files of Common Crawl's columnar index (`subset=warc`) that are asked
    for `source = "commoncrawl"`, of one crawl or several."""
    commoncrawl_base: str = "https://data.commoncrawl.org/"
    """Where the archives that the index names are read, by ranges."""
    commoncrawl_delay: float = Field(0.5, ge=0)
    """Least seconds between two reads, over one connection: their servers turn away who asks
    faster (CAIDA and others were refused with two connections)."""

    wayback: bool = False
    """Whether dead links are looked up in the Wayback Machine, one by one, after the rest."""
    wayback_base: str = "https://web.archive.org/"
    """Where the Wayback Machine is."""
    wayback_delay: float = Field(2.5, ge=0)
    """Least seconds between two requests to it (its index allows 24 a minute: release notes of
    the `wayback` package, 0.5.1)."""
    archive_timeout: float = Field(60.0, gt=0)
    """Seconds for one answer of Common Crawl or the Wayback Machine, whose index is slow."""
    archive_attempts: int = Field(8, ge=1)
    """Tries while such a server says that it is asked too much; then the rest is deferred."""

    contact: str = ""
    """Address or page of the operator, in the user agent.  The open web is not crawled without."""
    user_agent: str = Field("webtext", pattern=r"^[A-Za-z_-]+$")
    """Name of the crawler, which robots.txt can name (RFC 9309, 2.2.1: letters, `_` and `-`)."""
    content_types: tuple[Literal["html", "plain", "pdf"], ...] = ("html", "plain")
    """What is fetched; a kind that `documents.content_types` names is fetched as well."""

    delay: float = Field(1.0, ge=0, le=3600)
    """Least seconds between two requests to one host (Scrapy's template: 1)."""
    delay_factor: float = Field(2.0, ge=0)
    """The delay is also this many times the last answer's time, so that slow hosts get rest
    (Heritrix: 5; with one request at a time 2 leaves a host idle two thirds of the time).
    Does nothing where `delay` is 0."""
    max_delay: float = Field(30.0, gt=0)
    """Longest delay, after failures too.  A host whose robots.txt asks for more is left out, not
    hurried; one that asks for more by Retry-After is deferred."""
    hosts_at_once: int = Field(1_000, ge=1, le=20_000)
    """Hosts that one worker crawls at the same time, each by one request at a time.  With a delay
    of a second that is the number of pages a second that a worker can come to."""
    requests_at_once: int = Field(128, ge=1, le=500)
    """Requests of one worker that are under way at the same time.  Connections that are kept for
    the next request come on top; both are open files."""
    memory_mb: int = Field(256, ge=1)
    """Most megabytes that the bodies in flight of one worker take up, beside 64 KiB for each
    request; a body that grows beyond waits, and its sender with it.  The rest of a worker takes
    some 150 MB, and the page that is looked at several times its size."""

    timeout: float = Field(30.0, gt=0)
    """Seconds for one page, everything from DNS to the last byte, redirects included."""
    max_bytes: int = Field(10_000_000, ge=1_000)
    """Most bytes of a body, as received and again decompressed."""
    max_redirects: int = Field(10, ge=0, le=20)
    """Redirects of one link, those by a refresh of the page included (Firefox and Chromium: 20).
    robots.txt gets 5 (RFC 9309, 2.3.1.2)."""
    attempts: int = Field(3, ge=1, le=10)
    """Tries of a page on time-outs, names without address, broken connections, 429 and 5xx."""
    host_failures: int = Field(5, ge=1)
    """Pages in a row that fail (network, 429, 5xx) before the rest of a host is left alone."""
    retry_builds: int = Field(5, ge=0)
    """Builds after the first that ask again for a link which ended by a passing fault: a name
    without address, a time-out, a broken connection, 429, 5xx, a robots.txt that was not to be
    had.  0: none."""
    retry_hours: float = Field(1.0, gt=0)
    """Hours until a passing fault is asked for again; each time they are four times as many (1
    hour, 4 hours, 16 hours, 2.7 days, 10.7 days)."""
    deadline: float = Field(0.0, ge=0)
    """Seconds for the stage in one run.  What is under way then is broken off; it is deferred with
    all that is left over, and comes first in the next run.  0: no limit."""
    host_seconds: float = Field(0.0, ge=0)
    """Seconds for one host in one run; the rest is deferred, as with `deadline`.  0: no limit."""
    host_pages: int = Field(0, ge=0)
    """Pages asked of one host in one run; the rest is deferred.  0: no limit."""
    respect_ai_opt_out: bool = True
    """Whether a site that disallows the known AI crawlers is left out."""

    via: str = ""
    """Origin, such as `http://127.0.0.1:8017`, that answers for all hosts (a replay server)."""
    allow_hosts: tuple[str, ...] = ()
    """Hosts (`name` or `name:port`) that may have a private address or another port."""

    links_a_group: int = Field(5_000, ge=1)
    """Links for one group of hosts: one fetch table; at least 8 groups are made.  A worker crawls
    the hosts of all its groups side by side."""
    frontiers: int = Field(0, ge=0)
    """How many processes share the groups of hosts; 0: as many as the runner has workers."""
    segment_mb: int = Field(256, ge=1)
    """Size at which a WARC segment is closed and the next begun."""
    segment_minutes: float = Field(30.0, gt=0)
    """Age at which a WARC segment is closed whatever its size, so that slow crawls show results."""

    volatile: ClassVar[frozenset[str]] = frozenset(
        {
            "contact",
            "via",
            "warc",
            "commoncrawl",
            "commoncrawl_base",
            "commoncrawl_delay",
            "wayback_base",
            "wayback_delay",
            "archive_timeout",
            "archive_attempts",
            "allow_hosts",
            "delay",
            "delay_factor",
            "hosts_at_once",
            "requests_at_once",
            "memory_mb",
            "retry_builds",
            "retry_hours",
            "frontiers",
            "deadline",
            "host_seconds",
            "host_pages",
            "segment_mb",
            "segment_minutes",
            "links_a_group",
        }
    )

    @classmethod
    def sections(cls) -> Mapping[str, type[Settings]]:
        """Of the sources that have settings of their own."""
        return own_sections(PAGE_SOURCES)

    def unused(self) -> frozenset[str]:
        """The sections of other sources."""
        return frozenset(self.sections()) - {self.source}

    def identity(self) -> dict[str, Any]:
        """With the version of the source; it is left out while it is the first."""
        version = self.chosen_source().version
        return super().identity() | ({} if version == "1" else {"source_version": version})

    def chosen_source(self) -> PageSource:
        """The source with its settings."""
        source = PAGE_SOURCES.get(self.source, "pages.source")
        return source(self, getattr(self, self.source, None) or source.settings())

    @model_validator(mode="after")
    def _complete(self) -> Self:
        self.chosen_source().check()
        if self.wayback:
            self.need_contact()
        if self.contact and not _CONTACT.fullmatch(self.contact):
            raise ValueError(
                f"pages.contact = {self.contact!r} is neither a mail address nor a web page"
            )
        if self.delay > self.max_delay:
            raise ValueError(
                f"pages.delay = {self.delay:g} is above pages.max_delay = {self.max_delay:g}, "
                "so every host would be left out"
            )
        return self

    def need_contact(self) -> None:
        """Raises ValueError where archives could not reach who asks them."""
        if not self.contact:
            raise ValueError(
                "pages.contact is empty; Common Crawl and the Wayback Machine must be able to "
                'reach you: contact = "mailto:you@example.org"'
            )

    def agent(self) -> str:
        """The User-Agent header."""
        return f"{self.user_agent}/1.0 (+{self.contact})" if self.contact else self.user_agent
