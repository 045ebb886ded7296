"""The step before signatures: which lines repeat across each host of an interval.

A unit for each documents part writes the lines of the pages that may belong to a host's
sample; a unit for each interval then takes the sample of each host and counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappush, heappushpop

import pyarrow as pa

from pipeline.dedup.batch import Batch, names_of
from pipeline.dedup.order import batches, database, tables
from pipeline.store import files
from pipeline.store.addresses import host_of
from pipeline.store.parts import Part, PartWriter, finished_part, part_name, work_key
from pipeline.store.repeated_lines import HOST_LINES, SAMPLE, long_lines

_SAMPLED = pa.schema([("host", pa.string()), ("id", pa.string()), ("lines", pa.list_(pa.string()))])

_REPEATED = """
WITH placed AS (
    SELECT host, id, lines, row_number() OVER (PARTITION BY host ORDER BY id) AS place,
        count(*) OVER (PARTITION BY host) AS pages
    FROM sampled
), chosen AS (
    SELECT host, id, unnest(lines) AS line, least(pages, $sample) AS sampled
    FROM placed WHERE place <= $sample AND pages >= $pages
)
SELECT host, line, count(*) AS pages, any_value(sampled) AS sampled, min(id) AS id
FROM chosen GROUP BY host, line HAVING count(*) > $share * any_value(sampled)
ORDER BY host, line
"""


@dataclass(frozen=True)
class LinesUnit:
    """One documents part whose lines are to be sampled."""

    batch: Batch
    documents: str
    source: int
    file: int
    of: int
    key: str

    @property
    def name(self) -> str:
        """Its scratch file."""
        return part_name(self.file, self.of, f"lines-{self.source}")


def lines_units(_before: list[Part], batch: Batch) -> list[LinesUnit]:
    """One unit a documents part of each source; none where host lines are left."""
    if not batch.settings.host_lines.enabled:
        return []
    return [
        LinesUnit(batch, path, i, file, len(source.documents), _key(batch, i))
        for i, source in enumerate(batch.sources)
        for file, path in enumerate(source.documents)
    ]


def _key(batch: Batch, source: int) -> str:
    settings = batch.settings.host_lines
    return work_key(batch.version, settings.digest(), batch.sources[source].fingerprint)


def sample_lines(unit: LinesUnit) -> list[Part]:
    """Writes the long lines of the part's pages with the `SAMPLE` least ids of each host."""
    key = work_key(unit.key, unit.documents)
    done = finished_part(unit.batch.work, unit.name, key)
    if done:
        return [done]
    chosen = _least_ids(unit.documents)
    words = unit.batch.settings.host_lines.words
    with PartWriter(unit.batch.work, unit.name, _SAMPLED, key, fingerprinted=False) as writer:
        for rows in batches(unit.documents, ["id", "url", "text"], 500):
            for row in rows.to_pylist():
                if row["id"] in chosen:
                    lines = [line.hex() for line in long_lines(row["text"], words)]
                    writer.add([{"host": host_of(row["url"]), "id": row["id"], "lines": lines}])
    return [writer.finish()]


def _least_ids(path: str) -> set[str]:
    """The ids of the `SAMPLE` pages with the least ids of each host."""
    # A heap gives its least first, so ids are kept as negative numbers.
    heaps: defaultdict[str, list[int]] = defaultdict(list)
    for rows in batches(path, ["id", "url"]):
        for identity, url in zip(rows["id"].to_pylist(), rows["url"].to_pylist(), strict=True):
            heap = heaps[host_of(url)]
            (heappush if len(heap) < SAMPLE else heappushpop)(heap, -int(identity, 16))
    return {f"{-number:032x}" for heap in heaps.values() for number in heap}


@dataclass(frozen=True)
class RepeatUnit:
    """All sampled lines of one source."""

    batch: Batch
    source: int
    lines: tuple[str, ...]
    key: str


def repeat_units(before: list[Part], batch: Batch) -> list[RepeatUnit]:
    """One unit a source."""
    if not batch.settings.host_lines.enabled:
        return []
    names = names_of(before, "lines-")
    return [
        RepeatUnit(
            batch,
            source,
            tuple(name for name in names if name.startswith(f"lines-{source}-")),
            _key(batch, source),
        )
        for source in range(len(batch.sources))
    ]


def write_repeated(unit: RepeatUnit) -> list[Part]:
    """Writes the table of repeated lines of one source."""
    batch, settings = unit.batch, unit.batch.settings.host_lines
    name = batch.host_lines_name(unit.source)
    done = finished_part(batch.folder, name, unit.key)
    if done:
        return [done]
    with database() as connection, PartWriter(batch.folder, name, HOST_LINES, unit.key) as writer:
        reader = pa.RecordBatchReader.from_batches(_SAMPLED, _sampled(unit))
        connection.from_arrow(reader).create("sampled")
        given = {"pages": settings.pages, "share": settings.share, "sample": SAMPLE}
        for rows in tables(connection.sql(_REPEATED, params=given), HOST_LINES):
            writer.add(rows)
            writer.extra["host_lines_found"] = writer.extra.get("host_lines_found", 0) + len(rows)
    return [writer.finish()]


def _sampled(unit: RepeatUnit) -> Iterator[pa.RecordBatch]:
    for name in unit.lines:
        yield from batches(files.join(unit.batch.work, name), _SAMPLED.names, 10_000)
