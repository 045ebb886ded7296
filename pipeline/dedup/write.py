"""Last step: the duplicate table, the keep order for later intervals, and the account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from pipeline import files
from pipeline.corpus import SCHEMAS
from pipeline.dedup.batch import REGISTER, Batch, rows_of
from pipeline.dedup.decide import DECISIONS
from pipeline.dedup.order import batches, database, tables
from pipeline.parts import Part, PartWriter, finished_part, part_name

#: Documents that one part of the duplicate table stands for.
_PART_DOCUMENTS = 1_000_000

_IDS = pa.schema([("number", pa.int64()), ("id", pa.string())])
_FIRSTS = pa.schema([*_IDS, ("first", pa.int64())])

#: What became of every unique document that was removed, then the copies of all.
_REMOVED = """
CREATE TEMP TABLE removed AS
WITH fates AS (
    SELECT decided.number, ids.id AS kept_id, similarity
    FROM decided JOIN ids ON ids.number = decided.kept
    UNION ALL
    SELECT ids.number, earlier.kept_id, earlier.similarity
    FROM earlier JOIN ids USING (id)
)
SELECT firsts.number, firsts.id,
    coalesce(fates.kept_id, ids.id) AS kept_id,
    coalesce(fates.similarity, 1.0) AS similarity,
    CASE WHEN fates.kept_id IS NULL THEN 'exact' ELSE 'near' END AS kind
FROM firsts JOIN ids ON ids.number = firsts.first
LEFT JOIN fates ON fates.number = firsts.first
WHERE firsts.first <> firsts.number OR fates.kept_id IS NOT NULL
"""

_ROWS_OF_PART = """
SELECT id, kept_id, similarity, kind FROM removed WHERE id >= ? AND id < ? ORDER BY id
"""
_DROPS_OF_PART = """
SELECT kind, count(*) FROM removed WHERE id >= ? AND id < ? GROUP BY kind ORDER BY kind
"""
_SEEN_BY_PART = "SELECT count(*) FROM firsts WHERE id >= ? AND id < ?"


@dataclass(frozen=True)
class WriteUnit:
    """The end of a run: all decisions, by the names of their files."""

    batch: Batch
    decided: tuple[str, ...]
    measured: tuple[tuple[str, int], ...]  # for the manifest's `extra`


def write(unit: WriteUnit) -> list[Part]:
    """Writes `part-…` (removed documents, by id) and `register-…` (all, in keep order)."""
    batch = unit.batch
    total = rows_of(batch.order)
    parts = max(1, -(-total // _PART_DOCUMENTS))
    names = [part_name(i, parts) for i in range(parts)]
    register = part_name(0, 1, "register")
    done = [finished_part(batch.folder, name, batch.key) for name in [*names, register]]
    if all(done):
        return [part for part in done if part]
    with database() as connection:
        _load(connection, unit)
        connection.execute(_REMOVED)
        written = [_write_part(connection, batch, name, i, parts) for i, name in enumerate(names)]
        written.append(_write_register(connection, unit, register))
    return [part for part in written if part]


def _load(connection: duckdb.DuckDBPyConnection, unit: WriteUnit) -> None:
    batch = unit.batch
    decided = [files.join(batch.work, name) for name in unit.decided]
    past = [path for interval in batch.history for path in interval.registers]
    removed = [path for interval in batch.history for path in interval.removed]
    streams = {
        "decided": (
            DECISIONS,
            (rows for path in decided for rows in batches(path, DECISIONS.names)),
        ),
        "ids": (_IDS, _numbered([*past, batch.order], ["id"], 0, _IDS)),
        "firsts": (
            _FIRSTS,
            _numbered([batch.order], ["id", "first"], sum(map(rows_of, past)), _FIRSTS),
        ),
        "earlier": (
            SCHEMAS["dedup"],
            (rows for path in removed for rows in batches(path, SCHEMAS["dedup"].names)),
        ),
    }
    for name, (schema, rows) in streams.items():
        connection.from_arrow(pa.RecordBatchReader.from_batches(schema, rows)).create(name)


def _numbered(
    paths: list[str], columns: list[str], number: int, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Columns of files in keep order, with the numbers of the documents before them."""
    for path in paths:
        for rows in batches(path, columns):
            numbers = pa.array(np.arange(number, number + rows.num_rows))
            number += rows.num_rows
            yield pa.record_batch([numbers, *rows.columns], schema=schema)


def _write_part(
    connection: duckdb.DuckDBPyConnection, batch: Batch, name: str, part: int, of: int
) -> Part | None:
    """One part of the duplicate table: ids of an equal range, with their share of the counts."""
    # The last range ends behind all hex digits.
    low, high = (f"{(1 << 32) * i // of:08x}" if i < of else "g" for i in (part, part + 1))
    ours = [low, high]
    with PartWriter(batch.folder, name, SCHEMAS["dedup"], batch.key) as writer:
        for rows in tables(connection.sql(_ROWS_OF_PART, params=ours), SCHEMAS["dedup"]):
            writer.add(rows)
        for kind, number in connection.execute(_DROPS_OF_PART, ours).fetchall():
            writer.counts.drop(kind, number)
        for (seen,) in connection.execute(_SEEN_BY_PART, ours).fetchall():
            writer.counts.keep(seen - writer.counts.seen)
    return writer.part


def _write_register(
    connection: duckdb.DuckDBPyConnection, unit: WriteUnit, name: str
) -> Part | None:
    """The batch's keep order with what was decided; row groups follow the scratch file."""
    batch = unit.batch
    found = connection.execute("SELECT number FROM removed ORDER BY number").fetchnumpy()
    removed = found["number"]
    number = sum(rows_of(path) for interval in batch.history for path in interval.registers)
    with PartWriter(batch.folder, name, REGISTER, batch.key, said=False) as writer:
        writer.extra = dict(unit.measured)
        for rows in batches(batch.order, ["id", "place", "exact", "first"]):
            numbers = np.arange(number, number + rows.num_rows)
            number += rows.num_rows
            copy = rows["first"].to_numpy() != numbers
            kept = ~np.isin(numbers, removed)
            columns = [rows["id"], rows["place"], rows["exact"], copy, kept]
            writer.add(pa.table(columns, schema=REGISTER))
    return writer.part
