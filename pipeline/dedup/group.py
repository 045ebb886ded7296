"""Which slice decides each document: the components of all close pairs, dealt out whole.

The components of each file of pairs (`compare.py`) are joined by alternating large-star and
small-star operations (Kiveris et al., Connected Components in MapReduce and Beyond, SoCC 2014;
doi 10.1145/2670979.2670997), here as queries: the edges shrink to stars around the least document
of each component, in a number of rounds that grows with the logarithm of the longest way.  DuckDB
spills what does not fit its 1 GB, so memory does not grow with the documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from pipeline.dedup.batch import Batch
from pipeline.dedup.compare import FOREST
from pipeline.dedup.components import SliceLoad
from pipeline.dedup.database import ROWS, database, tables
from pipeline.store import files
from pipeline.store.parquet import batches
from pipeline.store.parts import Part, PartWriter, finished_part, work_key

#: Shingles of a slice, or of a window of a component that is larger: 64 MB as sets.
WINDOW = 8_000_000

MEMBERS = pa.schema([("number", pa.int64()), ("slice", pa.int64()), ("shingles", pa.int64())])
MEMBERS_NAME = "members.parquet"
_SLICES = pa.schema([("root", pa.int64()), ("slice", pa.int64())])

#: An edge leads from a document to one before it.
_EDGES = """
CREATE TABLE edges AS
SELECT DISTINCT number AS one, root AS other FROM forest WHERE number <> root
"""
#: Each document's later neighbours are tied to the least of its neighbours and itself.
_LARGE_STAR = """
CREATE OR REPLACE TABLE edges AS
WITH ways AS (SELECT one AS a, other AS b FROM edges UNION ALL SELECT other, one FROM edges),
centres AS (SELECT a, least(a, min(b)) AS centre FROM ways GROUP BY a)
SELECT DISTINCT b AS one, centre AS other FROM ways JOIN centres USING (a) WHERE b > a
"""
#: Each document and its earlier neighbours are tied to the least of these.
_SMALL_STAR = """
CREATE OR REPLACE TABLE edges AS
WITH centres AS (SELECT one, min(other) AS centre FROM edges GROUP BY one)
SELECT one, centre AS other FROM centres
UNION SELECT other, centre FROM edges JOIN centres USING (one) WHERE other <> centre
"""
#: Whether any document has two centres, or a centre has one.
_UNFINISHED = """
SELECT count(*) > count(DISTINCT one) OR count(*) FILTER (other IN (SELECT one FROM edges)) > 0
FROM edges
"""
_MEMBERS = """
CREATE TABLE members AS
SELECT number, coalesce(any_value(other), number) AS root, any_value(shingles) AS shingles
FROM forest LEFT JOIN edges ON one = number GROUP BY number
"""
_SLICE_COUNT = "SELECT coalesce(max(slice) + 1, 0) FROM slices"
_TOTALS = "SELECT root, sum(shingles) FROM members GROUP BY root ORDER BY root"
_RESULT = """
SELECT number, slice, shingles FROM members JOIN slices USING (root) ORDER BY number
"""


@dataclass(frozen=True)
class GroupUnit:
    """The documents of close pairs, by the names of the files of their components."""

    batch: Batch
    forest: tuple[str, ...]


def group(unit: GroupUnit) -> list[Part]:
    """Joins the components of all files, and deals them out to slices."""
    batch = unit.batch
    key = work_key(batch.key, "group", *unit.forest)
    done = finished_part(batch.work, MEMBERS_NAME, key)
    if done:
        return [done]
    paths = (files.join(batch.work, name) for name in unit.forest)
    rows = (rows for path in paths for rows in batches(path, FOREST.names, ROWS))
    with (
        database() as connection,
        PartWriter(batch.work, MEMBERS_NAME, MEMBERS, key, fingerprinted=False) as writer,
    ):
        connection.from_arrow(pa.RecordBatchReader.from_batches(FOREST, rows)).create("forest")
        find_roots(connection)
        dealt = pa.RecordBatchReader.from_batches(_SLICES, _dealt(connection))
        connection.from_arrow(dealt).create("slices")
        for table in tables(connection.sql(_RESULT), MEMBERS):
            writer.add(table)
        [(slices,)] = connection.execute(_SLICE_COUNT).fetchall()
        writer.extra = {"slices": slices}
    return [writer.finish()]


def find_roots(connection: duckdb.DuckDBPyConnection) -> None:
    """From a table `forest` (number, root, shingles) to `members`, where `root` is the least
    number of the whole component."""
    connection.execute(_EDGES)
    while connection.execute(_UNFINISHED).fetchall() == [(True,)]:
        connection.execute(_LARGE_STAR)
        connection.execute(_SMALL_STAR)
    connection.execute(_MEMBERS)


def _dealt(connection: duckdb.DuckDBPyConnection) -> Iterator[pa.RecordBatch]:
    """The slice of each component, in order of their roots."""
    load = SliceLoad(WINDOW)
    # A cursor of its own: it is read while the table of slices is written.
    for rows in connection.cursor().sql(_TOTALS).to_arrow_reader(ROWS):
        slices = [load.slice_for(int(total)) for total in rows[1].to_pylist()]
        yield pa.record_batch([rows["root"], pa.array(slices, pa.int64())], schema=_SLICES)
