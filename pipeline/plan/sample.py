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
from itertools import groupby, islice
from typing import Any

from pipeline.dedup.batch import rows_of
from pipeline.links.lists import list_format
from pipeline.links.mentions import THREADS, Reader, SourceFile, to_row
from pipeline.links.merge import decide
from pipeline.links.rules import Rules
from pipeline.links.settings import LinksSettings
from pipeline.links.sources import Found, find_sources
from pipeline.store import files
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
    """Listings of Reddit's API, of which nothing is known before they are asked."""


class _EnoughError(Exception):
    """The sample is complete."""


class _Read(Progress):
    """Counts the packed bytes that were read, writes nothing, and ends the sample.

    It is told at the end of each block, so bytes and mentions are of the same blocks.
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
    asked = find_sources(settings)
    for found in asked:
        if found.api is None:
            taken, read, share = _sample(found, settings)
            whole = whole and share == 1.0
            lines["comments" if found.kind == "comments" else "posts"] += read / share
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
        not_asked=tuple(found.name for found in asked if found.api is not None),
    )


def _sample(found: Found, settings: LinksSettings) -> tuple[list[dict[str, Any]], int, float]:
    """Rows of mentions, lines read, and the share of the source that they are."""
    rows: list[dict[str, Any]] = []
    read = _Read(rows)
    is_table = found.kind == "urls" and list_format(found.path) == "parquet"
    with tempfile.TemporaryDirectory() as folder:
        over_18 = settings.over_18
        source = SourceFile(found.path, found.kind, 0, folder, "", over_18, found.accept_cut)
        with PartWriter(folder, "threads.parquet", THREADS, "", fingerprinted=False) as threads:
            reader = Reader(source, read, threads)
            try:
                # A table is told of at its end alone.
                for mention in islice(reader.mentions(), MOST_MENTIONS if is_table else None):
                    rows.append(to_row(mention))
                whole = len(rows) < MOST_MENTIONS or not is_table
            except _EnoughError:
                whole = False
    lines = reader.numbers["lines"]
    if whole:
        return rows, lines, 1.0
    share = lines / rows_of(found.path) if is_table else read.bytes / files.size(found.path)
    return rows, lines, min(1.0, share)


def _hosts(rows: Sequence[dict[str, Any]], rules: Rules) -> Counter[str]:
    """Links that the rules keep, by host; each stands for as many as its source's share says."""
    hosts = Counter[str]()
    for _, same in groupby(sorted(rows, key=lambda row: str(row["id"])), lambda row: row["id"]):
        mentions = list(same)
        link, reason = decide(mentions, rules)
        if reason is None:
            hosts[link["host"]] += max(m["weight"] for m in mentions)
    return hosts
