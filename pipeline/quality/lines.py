"""Which lines repeat across each host of an interval (`pipeline/store/repeated_lines.py`).

Units of some thousand documents write the long lines of the pages that may belong to a host's
sample; units of ranges of hosts then take the sample of each host and count.

A text that is there at several addresses must not seem boilerplate: pages that share more
than `most` of their characters in long lines count as one.  Pages that share so much because
of a banner count as one as well, but from those nothing would be taken anyway.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappush, heappushpop
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.quality.settings import HostLineSettings
from pipeline.store import files
from pipeline.store.addresses import host_of
from pipeline.store.manifest import WORK
from pipeline.store.parquet import batches, read_rows, read_table
from pipeline.store.parts import Part, PartWriter, finished_part, part_name
from pipeline.store.repeated_lines import HOST_LINES, count_characters, long_lines

#: Pages of a host that are looked at.  The standard error of a share is 0.035 at most.
SAMPLE = 200
#: Documents of a unit that samples: of few in all some hundred, so that several workers sample.
_MOST, _LEAST, _UNITS = 20_000, 250, 8
#: Sampled pages of a unit that counts: with 50 long lines each, 100 MB.
_PAGES_A_RANGE = 100_000

_SAMPLED = pa.schema(
    [
        ("range", pa.uint32()),  # of the host, by hash
        ("host", pa.string()),
        ("id", pa.string()),
        ("lines", pa.list_(pa.uint64())),  # hashes of long lines, each once
        ("lengths", pa.list_(pa.int64())),  # their characters
        ("characters", pa.int64()),  # of the whole page
    ]
)


class SampledPage(NamedTuple):
    """A page by its long lines; `lengths` and `characters` count characters."""

    id: str
    lines: npt.NDArray[np.uint64]
    lengths: npt.NDArray[np.int64]
    characters: int


def documents_a_unit(documents: int) -> int:
    """How many of so many documents one unit samples."""
    return min(_MOST, max(_LEAST, documents // _UNITS))


@dataclass(frozen=True)
class LinesUnit:
    """Parts of documents whose lines are to be sampled into the scratch table `name`."""

    documents: tuple[str, ...]
    name: str
    folder: str
    key: str
    settings: HostLineSettings


def sample_lines(unit: LinesUnit) -> list[Part]:
    """Writes the long lines of the pages with the `SAMPLE` least ids of each host."""
    done = finished_part(unit.folder, unit.name, unit.key)
    if done:
        return [done]
    chosen, settings = _least_ids(unit.documents), unit.settings
    sampled = []
    for path in unit.documents:
        for row in read_rows(path, ["id", "url", "text"]):
            if row["id"] in chosen:
                host = host_of(row["url"])
                lines = long_lines(row["text"], settings.words, settings.characters)
                sampled.append(
                    {
                        "range": _hash(host),
                        "host": host,
                        "id": row["id"],
                        "lines": [int.from_bytes(line) for line in lines],
                        "lengths": list(lines.values()),
                        "characters": count_characters(row["text"]),
                    }
                )
    sampled.sort(key=lambda row: (row["range"], row["host"], row["id"]))
    with PartWriter(unit.folder, unit.name, _SAMPLED, unit.key, fingerprinted=False) as writer:
        writer.add(sampled)
    return [writer.finish()]


def _hash(host: str) -> int:
    return int.from_bytes(hashlib.blake2b(host.encode(), digest_size=4).digest())


def _least_ids(paths: Sequence[str]) -> set[str]:
    """The ids of the `SAMPLE` pages with the least ids of each host."""
    # A heap gives its least first, so ids are kept as negative numbers.
    heaps: defaultdict[str, list[int]] = defaultdict(list)
    for path in paths:
        for rows in batches(path, ["id", "url"]):
            for identity, url in zip(rows["id"].to_pylist(), rows["url"].to_pylist(), strict=True):
                heap = heaps[host_of(url)]
                (heappush if len(heap) < SAMPLE else heappushpop)(heap, -int(identity, 16))
    return {f"{-number:032x}" for heap in heaps.values() for number in heap}


@dataclass(frozen=True)
class RepeatedUnit:
    """Range `number` of `of` equal ranges of hosts, by hash; `sampled` are scratch tables."""

    number: int
    of: int
    sampled: tuple[str, ...]
    folder: str
    key: str
    settings: HostLineSettings

    @property
    def name(self) -> str:
        """The table of repeated lines."""
        return part_name(self.number, self.of, "_hostlines")


def plan_repeated(
    parts: Sequence[Part], folder: str, key: str, settings: HostLineSettings
) -> list[RepeatedUnit]:
    """Ranges of hosts with some `_PAGES_A_RANGE` sampled pages each."""
    prefix = f"{WORK}/lines-"
    sampled = [part.file for part in parts if part.file and part.file.name.startswith(prefix)]
    of = max(1, -(-sum(entry.rows for entry in sampled) // _PAGES_A_RANGE))
    names = tuple(sorted(entry.name for entry in sampled))
    return [RepeatedUnit(number, of, names, folder, key, settings) for number in range(of)]


def find_lines(unit: RepeatedUnit) -> list[Part]:
    """Writes the lines that repeat across the hosts of one range."""
    done = finished_part(unit.folder, unit.name, unit.key)
    if done:
        return [done]
    with PartWriter(unit.folder, unit.name, HOST_LINES, unit.key) as writer:
        writer.extra["host_lines_found"] = 0
        for host, pages in _hosts(unit):
            lines_found = repeated_lines(pages, unit.settings)
            writer.extra["host_lines_found"] += len(lines_found)
            writer.add({"host": host, **line._asdict()} for line in lines_found)
    return [writer.finish()]


def _hosts(unit: RepeatedUnit) -> Iterator[tuple[str, list[SampledPage]]]:
    """The hosts of the range that have enough pages, each with its sample."""
    low, high = (-(-(number << 32) // unit.of) for number in (unit.number, unit.number + 1))
    ours = [("range", ">=", low), ("range", "<", min(high, (1 << 32) - 1))]
    if unit.number + 1 == unit.of:
        ours.pop()
    rows = pa.concat_tables(
        [read_table(files.join(unit.folder, name), None, ours) for name in unit.sampled]
        or [_SAMPLED.empty_table()]
    )
    counts = rows.group_by("host").aggregate([([], "count_all")])
    enough = counts.filter(pc.greater_equal(counts["count_all"], unit.settings.pages))["host"]
    rows = rows.filter(pc.is_in(rows["host"], value_set=enough.combine_chunks()))
    rows = rows.sort_by([("range", "ascending"), ("host", "ascending"), ("id", "ascending")])
    for host, pages in groupby(rows.to_pylist(), key=lambda row: str(row["host"])):
        yield host, [_page(row) for row, _ in zip(pages, range(SAMPLE), strict=False)]


def _page(row: dict[str, object]) -> SampledPage:
    lines, lengths = np.array(row["lines"], np.uint64), np.array(row["lengths"], np.int64)
    return SampledPage(str(row["id"]), lines, lengths, int(str(row["characters"])))


class RepeatedLine(NamedTuple):
    """A line by its hash in hex, on `pages` of the `sampled` pages; one of them is `id`."""

    line: str
    pages: int
    sampled: int
    id: str


def repeated_lines(pages: Sequence[SampledPage], settings: HostLineSettings) -> list[RepeatedLine]:
    """The lines on more than `settings.share` of a host's pages, in order of their hashes.

    Nothing is said of a host with less than `settings.pages` different pages.
    """
    different = [pages[place] for place in one_of_each(pages, settings.most)]
    if len(different) < settings.pages:
        return []
    counts = Counter(line for page in different for line in page.lines.tolist())
    least = settings.share * len(different)
    often = sorted(line for line, count in counts.items() if count > least)
    first = {line: page.id for page in reversed(different) for line in page.lines.tolist()}
    return [
        RepeatedLine(f"{line:016x}", counts[line], len(different), first[line]) for line in often
    ]


def one_of_each(pages: Sequence[SampledPage], most: float) -> list[int]:
    """One page of each group of copies: the places of those that are like none before them.

    Two pages are alike when the long lines that both have are more than `most` of the
    characters of each.
    """
    lines, places, counts = np.unique(
        np.concatenate([np.empty(0, np.uint64), *(page.lines for page in pages)]),
        return_inverse=True,
        return_counts=True,
    )
    owners = np.repeat(np.arange(len(pages)), [len(page.lines) for page in pages])
    has = np.zeros((len(pages), len(lines)), np.float32)
    has[owners, places] = 1.0
    lengths = np.zeros(len(lines), np.float32)
    lengths[places] = np.concatenate([np.empty(0), *(page.lengths for page in pages)])
    shared = counts > 1  # the others are on one page alone
    has, lengths = has[:, shared], lengths[shared]
    whole = np.array([page.characters for page in pages])
    alike = (has * lengths) @ has.T > most * np.maximum.outer(whole, whole)
    chosen: list[int] = []
    for place in range(len(pages)):
        if not alike[place, chosen].any():
            chosen.append(place)
    return chosen


def read_host_lines(paths: Sequence[str], documents: str) -> dict[str, frozenset[bytes]]:
    """The repeated lines of the hosts of one part of documents.

    `paths` are the `_hostlines-…` tables of an interval, which are read a batch at a time.
    """
    hosts = pa.array(sorted(_hosts_of(documents)) if paths else [], pa.string())
    found: dict[str, set[bytes]] = {}
    for path in paths:
        for batch in batches(path, ["host", "line"]):
            for row in batch.filter(pc.is_in(batch["host"], hosts)).to_pylist():
                found.setdefault(row["host"], set()).add(bytes.fromhex(row["line"]))
    return {host: frozenset(lines) for host, lines in found.items()}


def _hosts_of(documents: str) -> set[str]:
    return {host_of(url) for rows in batches(documents, ["url"]) for url in rows["url"].to_pylist()}
