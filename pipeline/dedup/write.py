"""Last step: large clusters, the duplicate table, and the keep order for later intervals."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from pipeline.dedup.batch import REGISTER, Batch, rows_of
from pipeline.dedup.decide import DECISIONS
from pipeline.dedup.order import batches, database, tables
from pipeline.store import files
from pipeline.store.errors import WebtextError
from pipeline.store.parts import Part, PartWriter, finished_part, part_name
from pipeline.store.schemas import SCHEMAS

#: Documents that one part of the duplicate table stands for.
_PART_DOCUMENTS = 1_000_000

_EXAMPLES = 10  # removed documents of a large cluster that are named

#: One row a document that is kept for more than `large_cluster` others.
CLUSTERS = pa.schema(
    [("kept_id", pa.string()), ("size", pa.int64()), ("examples", pa.list_(pa.string()))]
)
#: Which text of which evaluation file a `kept_id` means that is no page: "piqa.jsonl#12".
EVALUATION = pa.schema([("id", pa.string()), ("source", pa.string())])
_IDS = pa.schema([("scope", pa.int64()), ("number", pa.int64()), ("id", pa.string())])
_FIRSTS = pa.schema([*_IDS, ("first", pa.int64())])
_EARLIER = pa.schema([*_IDS, ("kept_id", pa.string()), ("similarity", pa.float64())])

#: What became of every unique document that was removed, then the copies of all.
_REMOVED = """
CREATE TEMP TABLE removed AS
WITH fates AS (
    SELECT decided.number, ids.id AS kept_id, similarity
    FROM decided JOIN ids ON ids.number = decided.kept
    UNION ALL
    SELECT ids.number, earlier.kept_id, earlier.similarity
    FROM earlier JOIN ids USING (scope, id)
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
_LARGE = """
SELECT kept_id, count(*) AS size, min(id, $examples) AS examples
FROM removed GROUP BY kept_id HAVING count(*) > $limit ORDER BY size DESC, kept_id
"""


@dataclass(frozen=True)
class WriteUnit:
    """The end of a run: all decisions, by the names of their files."""

    batch: Batch
    decided: tuple[str, ...]
    measured: tuple[tuple[str, int], ...]  # for the manifest's `extra`


def write(unit: WriteUnit) -> list[Part]:
    """Writes `part-…` (removed documents, by id) and `_register-…` (all, in keep order)."""
    batch = unit.batch
    total = rows_of(batch.order)
    parts = max(1, -(-total // _PART_DOCUMENTS))
    names = [part_name(i, parts) for i in range(parts)]
    register = part_name(0, 1, "_register")
    clusters = part_name(0, 1, "_clusters")
    evaluation = [part_name(0, 1, "_evaluation")] if batch.evaluation else []
    everything = [clusters, *names, register, *evaluation]
    done = [finished_part(batch.folder, name, batch.key) for name in everything]
    if all(done):
        return [part for part in done if part]
    with database() as connection:
        _load(connection, unit)
        connection.execute(_REMOVED)
        written = [_write_large(connection, batch, clusters)]
        written += [_write_part(connection, batch, name, i, parts) for i, name in enumerate(names)]
        written.append(_write_register(connection, unit, register))
        written += [_write_evaluation(connection, batch, name) for name in evaluation]
    return [part for part in written if part]


def _load(connection: duckdb.DuckDBPyConnection, unit: WriteUnit) -> None:
    """Tables `decided`, `ids` of all documents, `firsts` of the batch, and `earlier` removals.

    A page may have been in several intervals or corpora; `scope` tells them apart.
    """
    batch = unit.batch
    decided = [files.join(batch.work, name) for name in unit.decided]
    registers = [decided.registers for decided in batch.history]
    removed = [decided.removed for decided in batch.history]
    rows_before = sum(rows_of(path) for paths in registers for path in paths)
    scopes = [*registers, (batch.order,)]
    streams = {
        "decided": (
            DECISIONS,
            (rows for path in decided for rows in batches(path, DECISIONS.names)),
        ),
        "ids": (_IDS, _numbered(scopes, ["id"], 0, _IDS)),
        "firsts": (_FIRSTS, _numbered([(batch.order,)], ["id", "first"], rows_before, _FIRSTS)),
        "earlier": (_EARLIER, _numbered(removed, ["id", "kept_id", "similarity"], 0, _EARLIER)),
    }
    for name, (schema, rows) in streams.items():
        connection.from_arrow(pa.RecordBatchReader.from_batches(schema, rows)).create(name)


def _numbered(
    scopes: Sequence[Sequence[str]], columns: list[str], number: int, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Columns of files, with the scope and the number of rows before them."""
    for scope, paths in enumerate(scopes):
        for path in paths:
            for rows in batches(path, columns):
                numbers = pa.array(np.arange(number, number + rows.num_rows))
                number += rows.num_rows
                scoped = pa.array(np.full(rows.num_rows, scope))
                yield pa.record_batch([scoped, numbers, *rows.columns], schema=schema)


def _write_large(connection: duckdb.DuckDBPyConnection, batch: Batch, name: str) -> Part:
    """Lists clusters above the limit and says so, before anything acts upon the table."""
    limit = batch.settings.large_cluster
    rows = connection.execute(_LARGE, {"limit": limit, "examples": _EXAMPLES}).fetchall()
    if rows:
        kept, size, examples = rows[0]
        said = (
            f"{len(rows)} documents in {batch.folder} stand for more than {limit:,} others each; "
            f"{kept} for {size:,}, such as {', '.join(examples[:3])}"
        )
        if batch.settings.on_large_cluster == "stop":
            raise WebtextError(
                said,
                "Look at them with `webtext show ROOT documents --where`; then raise "
                'dedup.large_cluster or set dedup.on_large_cluster = "report"',
            )
        logging.getLogger(__name__).warning("%s; all are in %s", said, name)
    with PartWriter(batch.folder, name, CLUSTERS, batch.key, fingerprinted=False) as writer:
        writer.extra = {"large_clusters": len(rows)}
        writer.add(dict(zip(CLUSTERS.names, row, strict=True)) for row in rows)
    return writer.finish()


def _write_part(
    connection: duckdb.DuckDBPyConnection, batch: Batch, name: str, part: int, of: int
) -> Part:
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
    return writer.finish()


def _write_register(connection: duckdb.DuckDBPyConnection, unit: WriteUnit, name: str) -> Part:
    """The batch's keep order with what was decided; row groups follow the scratch file."""
    batch = unit.batch
    found = connection.execute("SELECT number FROM removed ORDER BY number").fetchnumpy()
    removed = found["number"]
    number = sum(rows_of(path) for interval in batch.history for path in interval.registers)
    with PartWriter(batch.folder, name, REGISTER, batch.key, fingerprinted=False) as writer:
        writer.extra = dict(unit.measured)
        for rows in batches(batch.order, ["id", "place", "exact", "first"]):
            numbers = np.arange(number, number + rows.num_rows)
            number += rows.num_rows
            copy = rows["first"].to_numpy() != numbers
            kept = ~np.isin(numbers, removed)
            columns = [rows["id"], rows["place"], rows["exact"], copy, kept]
            writer.add(pa.table(columns, schema=REGISTER))
    return writer.finish()


def _write_evaluation(connection: duckdb.DuckDBPyConnection, batch: Batch, name: str) -> Part:
    """Says which evaluation texts were found, and counts what was removed for them."""
    found = connection.execute("SELECT kept_id, count(*) FROM removed GROUP BY kept_id").fetchall()
    counts = dict(found)
    documents = [path for file in batch.evaluation for path in batch.history[file.number].documents]
    with PartWriter(batch.folder, name, EVALUATION, batch.key, fingerprinted=False) as writer:
        removed = 0
        for path in documents:
            for rows in batches(path, ["id", "url"]):
                for row in rows.to_pylist():
                    if row["id"] in counts:
                        removed += counts[row["id"]]
                        writer.add([{"id": row["id"], "source": row["url"]}])
        writer.extra = {"removed_for_evaluation": removed}
    return writer.finish()
