"""The small sample that `webtext plan` goes by: the first megabytes of a recipe's own sources.

It is read by the links stage's own functions, so rules, blocklists and repair of addresses
are those of the build.  What is behind the sample is taken to be like it; links that are
mentioned again further on count twice, so the number is an upper bound unless all was read.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from pipeline.links.mentions import SourceUnit, counted_mentions, open_log, to_row
from pipeline.links.merge import decide
from pipeline.links.read_log import THREADS
from pipeline.links.rules import Rules
from pipeline.links.settings import LinksSettings
from pipeline.links.sources import SourceItem, find_sources
from pipeline.store.parts import PartWriter
from pipeline.store.progress import Progress

#: Of one source: packed bytes (some 100 MB of a dump unpacked, seconds to read), and mentions.
MOST_BYTES, MOST_MENTIONS = 8 << 20, 200_000
_NAMED = 5  # hosts with the most links


@dataclass(frozen=True)
class SampledLinks:
    """What the sources hold, from the sample.  Numbers are of all of the sources."""

    whole: bool
    posts: float
    """Lines of posts, or rows of lists."""
    comments: float
    mentions: float
    links: float
    hosts: int
    """Different hosts in the sample alone."""
    largest: tuple[tuple[str, float], ...]
    """(host, links), most first."""
    not_asked: tuple[str, ...]
    """Listings and the like, of which nothing is known before they are asked."""


class _EnoughError(Exception):
    """The sample is complete."""


class _Read(Progress):
    """Counts the packed bytes that were read, writes nothing, and ends the sample.

    It is told at the end of each block or batch, so bytes and mentions are of the same ones.
    """

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.bytes, self._rows = 0, rows

    def add(self, amount: int = 1, **_outcomes: int) -> None:
        """Notes bytes."""
        self.bytes += amount
        if self.bytes >= MOST_BYTES or len(self._rows) >= MOST_MENTIONS:
            raise _EnoughError


def sample_links(settings: LinksSettings) -> SampledLinks:
    """Samples all sources that are files.  Raises SettingError for a glob that matches nothing."""
    rows: list[dict[str, Any]] = []
    lines, mentions, whole = {"posts": 0.0, "comments": 0.0}, 0.0, True
    items = find_sources(settings.sources)
    for item in items:
        if item.source.local:
            taken, read, share = _sample(item, settings)
            whole = whole and share == 1.0
            lines["comments" if item.sparse else "posts"] += read / share
            mentions += len(taken) / share
            rows += [row | {"weight": 1 / share} for row in taken]
    hosts = _hosts(rows, Rules(settings))
    return SampledLinks(
        whole=whole,
        posts=lines["posts"],
        comments=lines["comments"],
        mentions=mentions,
        links=sum(hosts.values()),
        hosts=len(hosts),
        largest=tuple(sorted(hosts.items(), key=lambda item: (-item[1], item[0]))[:_NAMED]),
        not_asked=tuple(item.name for item in items if not item.source.local),
    )


def _sample(item: SourceItem, settings: LinksSettings) -> tuple[list[dict[str, Any]], int, float]:
    """Rows of mentions, lines read, and the share of the item that they are."""
    rows: list[dict[str, Any]] = []
    read, whole = _Read(rows), True
    with tempfile.TemporaryDirectory() as folder:
        unit = SourceUnit(item, 0, folder, "", settings.over_18)
        with PartWriter(folder, "threads.parquet", THREADS, "", fingerprinted=False) as threads:
            log = open_log(unit, read, threads)
            try:
                for mention in counted_mentions(item, log):
                    rows.append(to_row(mention))
            except _EnoughError:
                whole = False
    share = 1.0 if whole else read.bytes / item.source.size(item)
    return rows, log.numbers["lines"], min(1.0, share)


def _hosts(rows: Sequence[dict[str, Any]], rules: Rules) -> Counter[str]:
    """Links that the rules keep, by host; each stands for as many as its source's share says."""
    hosts = Counter[str]()
    for _, same in groupby(sorted(rows, key=lambda row: str(row["id"])), lambda row: row["id"]):
        mentions = list(same)
        link, reason = decide(mentions, rules)
        if reason is None:
            hosts[link["host"]] += max(m["weight"] for m in mentions)
    return hosts
