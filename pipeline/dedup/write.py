"""The end of a run: large clusters, the duplicate table, and the keep order for later intervals."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from pipeline.dedup.bands import is_among
from pipeline.dedup.batch import REGISTER, Batch, rows_of
from pipeline.dedup.decide import DECISIONS
from pipeline.dedup.order import ROWS, database, tables
from pipeline.dedup.passages.decide import GONE
from pipeline.store import files
from pipeline.store.errors import WebtextError
from pipeline.store.parquet import batches
from pipeline.store.parts import Part, PartWriter, finished_part, part_name
from pipeline.store.schemas import SCHEMAS

_EXAMPLES = 10  # removed documents of a large cluster that are named

#: One row a document that is kept for more than `large_cluster` others.
CLUSTERS = pa.schema(
    [
        ("kept_id", pa.string()),
        ("elsewhere", pa.string()),
        ("size", pa.int64()),
        ("examples", pa.list_(pa.string())),
    ]
)
_IDS = pa.schema([("scope", pa.int64()), ("number", pa.int64()), ("id", pa.string())])
_FIRSTS = pa.schema(
    [*_IDS, ("place", pa.int64()), ("first", pa.int64()), ("recrawled", pa.bool_())]
)
_FATE = [
    ("kept_id", pa.string()),
    ("elsewhere", pa.string()),
    ("similarity", pa.float64()),
    ("kind", pa.string()),
]
_EARLIER = pa.schema([*_IDS, *_FATE])
_ELSEWHERE = pa.schema([("scope", pa.int64()), ("id", pa.string()), ("elsewhere", pa.string())])

#: Where each document is that something may be removed for: a page of ours, or elsewhere.
_OWN = """
CREATE TEMP TABLE own AS
SELECT ids.number, CASE WHEN elsewhere.elsewhere IS NULL THEN ids.id END AS kept_id,
    CASE WHEN elsewhere.elsewhere IS NULL THEN '' WHEN elsewhere.id IS NULL
        THEN elsewhere.elsewhere || ' ' || ids.id ELSE elsewhere.elsewhere END AS elsewhere
FROM ids LEFT JOIN elsewhere ON elsewhere.scope = ids.scope
    AND (elsewhere.id IS NULL OR elsewhere.id = ids.id)
"""
#: What became of those that were removed earlier.
_PAST = """
CREATE TEMP TABLE past AS
SELECT ids.number, CASE WHEN other.scope IS NULL THEN earlier.kept_id END AS kept_id,
    CASE WHEN other.scope IS NULL OR earlier.kept_id IS NULL THEN earlier.elsewhere
        ELSE other.elsewhere || ' ' || earlier.kept_id END AS elsewhere,
    earlier.similarity, earlier.kind
FROM earlier JOIN ids USING (scope, id)
LEFT JOIN elsewhere AS other ON other.scope = earlier.scope AND other.id IS NULL
"""
#: Documents that went whole for their passages, now or earlier.
_WHOLE = """
CREATE TEMP TABLE whole AS
SELECT gone.number, own.kept_id, own.elsewhere, gone.share AS similarity
FROM gone JOIN own ON own.number = gone.kept WHERE gone.start IS NULL
UNION ALL SELECT number, kept_id, elsewhere, similarity FROM past WHERE kind = 'passages'
"""
#: What stays for each document: itself, or where most of its passages are.
_STAYS = """
CREATE TEMP TABLE stays AS
SELECT own.number, whole.similarity AS share,
    CASE WHEN whole.number IS NULL THEN own.kept_id ELSE whole.kept_id END AS kept_id,
    CASE WHEN whole.number IS NULL THEN own.elsewhere ELSE whole.elsewhere END AS elsewhere
FROM own LEFT JOIN whole USING (number)
"""
#: What became of every unique document that was removed, then the copies of all.  In order of
#: place, so that DuckDB passes over what is of other parts.
_REMOVED = """
CREATE TEMP TABLE removed AS
WITH fates AS (
    SELECT decided.number, kept_id, elsewhere, coalesce(share, similarity) AS similarity,
        CASE WHEN share IS NULL THEN 'near' ELSE 'passages' END AS kind
    FROM decided JOIN stays ON stays.number = decided.kept
    UNION ALL SELECT number, kept_id, elsewhere, similarity, 'near' FROM past
    WHERE kind <> 'passages'
    UNION ALL SELECT number, kept_id, elsewhere, similarity, 'passages' FROM whole
)
SELECT firsts.number, firsts.place, firsts.id,
    CASE WHEN fates.number IS NULL THEN stays.kept_id ELSE fates.kept_id END AS kept_id,
    CASE WHEN fates.number IS NULL THEN stays.elsewhere ELSE fates.elsewhere END AS elsewhere,
    CASE WHEN recrawled THEN NULL ELSE coalesce(fates.similarity, 1.0) END AS similarity,
    CASE WHEN recrawled THEN 'recrawled' ELSE coalesce(fates.kind, 'exact') END AS kind
FROM firsts JOIN stays ON stays.number = firsts.first
LEFT JOIN fates ON fates.number = firsts.first
WHERE firsts.first <> firsts.number OR fates.number IS NOT NULL
ORDER BY firsts.place
"""
#: Without those that went for their passages: later documents are compared with them as before.
_DUPLICATES = """
CREATE TEMP TABLE duplicates AS
SELECT number FROM removed EXCEPT SELECT number FROM gone WHERE start IS NULL ORDER BY number
"""
_DUPLICATES_BETWEEN = (
    "SELECT number FROM duplicates WHERE number >= ? AND number < ? ORDER BY number"
)

_CUT_OF_PART = """
SELECT count(DISTINCT gone.number), coalesce(sum(stop - start), 0)
FROM gone JOIN firsts USING (number) WHERE start IS NOT NULL AND place >= ? AND place < ?
"""
_PASSAGES_OF_PART = """
SELECT firsts.id, start, stop, stays.kept_id, kept_start, kept_stop, stays.elsewhere
FROM gone JOIN firsts ON firsts.number = gone.number JOIN stays ON stays.number = gone.kept
WHERE start IS NOT NULL AND place >= ? AND place < ? ORDER BY firsts.id, start
"""
_ROWS_OF_PART = """
SELECT id, kept_id, similarity, kind, elsewhere FROM removed
WHERE place >= ? AND place < ? ORDER BY id
"""
_DROPS_OF_PART = """
SELECT kind, count(*) FROM removed WHERE place >= ? AND place < ? GROUP BY kind ORDER BY kind
"""
_LARGE = """
SELECT kept_id, elsewhere, count(*) AS size, min(id, $examples) AS examples
FROM removed GROUP BY kept_id, elsewhere HAVING count(*) > $limit
ORDER BY size DESC, kept_id, elsewhere
"""


@dataclass(frozen=True)
class WriteUnit:
    """The end of a run: all decisions, by the names of their files."""

    batch: Batch
    decided: tuple[str, ...]
    gone: tuple[str, ...]  # passages
    measured: tuple[tuple[str, int], ...]  # for the manifest's `extra`


def write(unit: WriteUnit) -> list[Part]:
    """Writes `part-…` (removed documents) and `_register-…` (all that passed, in keep order).

    The parts have the numbers of the documents' parts; so has `_passages-…`, where asked for.
    """
    batch = unit.batch
    ends = np.cumsum([rows_of(files.join(batch.folder, name)) for name in batch.signature_names()])
    bounds = np.concatenate([[0], ends]).tolist()
    names = [part_name(i, len(ends)) for i in range(len(ends))]
    register = part_name(0, 1, "_register")
    clusters = part_name(0, 1, "_clusters")
    passages = [name.replace("part", "_passages", 1) for name in names]
    passages = passages if batch.settings.passages.enabled else []
    everything = [clusters, *names, *passages, register]
    done = [finished_part(batch.folder, name, batch.key) for name in everything]
    if all(done):
        return [part for part in done if part]
    with database() as connection:
        _load(connection, unit)
        for query in (_OWN, _PAST, _WHOLE, _STAYS, _REMOVED):
            connection.execute(query)
        written = [_write_large(connection, batch, clusters)]
        passed = _passed(batch, bounds)
        for name, seen, first, end in zip(names, passed, bounds, bounds[1:], strict=False):
            written.append(_write_part(connection, batch, name, (first, end), seen))
        for name, first, end in zip(passages, bounds, bounds[1:], strict=False):
            written.append(_write_passages(connection, batch, name, (first, end)))
        written.append(_write_register(connection, unit, register))
    return [part for part in written if part]


def _load(connection: duckdb.DuckDBPyConnection, unit: WriteUnit) -> None:
    """Tables `decided`, `gone`, `ids` of all documents, `firsts` of the batch, `earlier` removals.

    A page may have been in several intervals or corpora; `scope` tells them apart.  `elsewhere`
    says of scopes, or of documents in them, that are not of this corpus.
    """
    batch = unit.batch
    decided = [files.join(batch.work, name) for name in unit.decided]
    gone = [files.join(batch.work, name) for name in unit.gone]
    registers = [decided.registers for decided in batch.history]
    removed = [decided.removed for decided in batch.history]
    rows_before = sum(rows_of(path) for paths in registers for path in paths)
    scopes = [*registers, (batch.order,)]
    streams = {
        "decided": (
            DECISIONS,
            (rows for path in decided for rows in batches(path, DECISIONS.names, ROWS)),
        ),
        "gone": (GONE, (rows for path in gone for rows in batches(path, GONE.names, ROWS))),
        "ids": (_IDS, _numbered(scopes, ["id"], 0, _IDS)),
        "firsts": (
            _FIRSTS,
            _numbered([(batch.order,)], _FIRSTS.names[2:], rows_before, _FIRSTS),
        ),
        "earlier": (_EARLIER, _numbered(removed, _EARLIER.names[2:], 0, _EARLIER)),
        "elsewhere": (_ELSEWHERE, _elsewhere(batch)),
    }
    for name, (schema, rows) in streams.items():
        connection.from_arrow(pa.RecordBatchReader.from_batches(schema, rows)).create(name)


def _numbered(
    scopes: Sequence[Sequence[str]], columns: list[str], number: int, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Columns of files, with the scope and the number of rows before them."""
    for scope, paths in enumerate(scopes):
        for path in paths:
            for rows in batches(path, columns, ROWS):
                numbers = pa.array(np.arange(number, number + rows.num_rows))
                number += rows.num_rows
                scoped = pa.array(np.full(rows.num_rows, scope))
                yield pa.record_batch([scoped, numbers, *rows.columns], schema=schema)


def _elsewhere(batch: Batch) -> Iterator[pa.RecordBatch]:
    """(scope, id or null for all of the scope, what `elsewhere` says)."""
    of_texts = {file.number for file in batch.evaluation}
    for scope, decided in enumerate(batch.history):
        if scope in of_texts:
            for path in decided.documents:
                for rows in batches(path, ["id", "url"], ROWS):
                    scopes = pa.array(np.full(rows.num_rows, scope))
                    yield pa.record_batch([scopes, rows["id"], rows["url"]], schema=_ELSEWHERE)
        elif decided.elsewhere:
            yield pa.record_batch([[scope], [None], [decided.elsewhere]], schema=_ELSEWHERE)


def _write_large(connection: duckdb.DuckDBPyConnection, batch: Batch, name: str) -> Part:
    """Lists clusters above the limit and says so, before anything acts upon the table."""
    limit = batch.settings.large_cluster
    rows = connection.execute(_LARGE, {"limit": limit, "examples": _EXAMPLES}).fetchall()
    if rows:
        page, elsewhere, size, examples = rows[0]
        message = (
            f"{len(rows)} documents in {batch.folder} stand for more than {limit:,} others each; "
            f"{page or elsewhere} for {size:,}, such as {', '.join(examples[:3])}"
        )
        if batch.settings.on_large_cluster == "stop":
            raise WebtextError(
                message,
                "Look at them with `webtext show ROOT documents --where`; then raise "
                'dedup.large_cluster or set dedup.on_large_cluster = "report"',
            )
        logging.getLogger(__name__).warning("%s; all are in %s", message, name)
    with PartWriter(batch.folder, name, CLUSTERS, batch.key, fingerprinted=False) as writer:
        writer.extra = {"large_clusters": len(rows)}
        writer.add(dict(zip(CLUSTERS.names, row, strict=True)) for row in rows)
    return writer.finish()


def _passed(batch: Batch, places: Sequence[int]) -> list[int]:
    """How many documents of each part passed, given the places where parts begin and end."""
    passed = np.zeros(len(places) - 1, np.int64)
    for rows in batches(batch.order, ["place"], ROWS):
        passed += np.histogram(rows["place"].to_numpy(), places)[0] if len(passed) else 0
    return [int(count) for count in passed]


@contextmanager
def _written(
    batch: Batch, name: str, table: str, rows: duckdb.DuckDBPyRelation
) -> Iterator[PartWriter]:
    """A writer that has taken in the rows of a table."""
    with PartWriter(batch.folder, name, SCHEMAS[table], batch.key) as writer:
        for some in tables(rows, SCHEMAS[table]):
            writer.add(some)
        yield writer


def _write_part(
    connection: duckdb.DuckDBPyConnection,
    batch: Batch,
    name: str,
    ours: tuple[int, int],
    seen: int,
) -> Part:
    """The duplicates of one part of documents, by their places; `seen` of them came here."""
    rows = connection.sql(_ROWS_OF_PART, params=ours)
    with _written(batch, name, "dedup", rows) as writer:
        for kind, number in connection.execute(_DROPS_OF_PART, ours).fetchall():
            writer.counts.drop(kind, number)
        writer.counts.keep(seen - writer.counts.seen)
    return writer.finish()


def _write_passages(
    connection: duckdb.DuckDBPyConnection, batch: Batch, name: str, ours: tuple[int, int]
) -> Part:
    """The passages that go of one part of documents, by their rows."""
    rows = connection.sql(_PASSAGES_OF_PART, params=ours)
    with _written(batch, name, "passages", rows) as writer:
        for pages, characters in connection.execute(_CUT_OF_PART, ours).fetchall():
            writer.extra = {"passage_pages": pages, "passage_characters": int(characters)}
    return writer.finish()


def _write_register(connection: duckdb.DuckDBPyConnection, unit: WriteUnit, name: str) -> Part:
    """The batch's keep order with what was decided; row groups follow the scratch file."""
    batch = unit.batch
    connection.execute(_DUPLICATES)
    number = batch.base()
    with PartWriter(batch.folder, name, REGISTER, batch.key, fingerprinted=False) as writer:
        writer.extra = dict(unit.measured)
        for rows in batches(batch.order, ["id", "place", "exact", "first"], ROWS):
            numbers = np.arange(number, number + rows.num_rows)
            window = [number, number + rows.num_rows]
            number += rows.num_rows
            copy = rows["first"].to_numpy() != numbers  # or an earlier page crawled anew
            found = connection.execute(_DUPLICATES_BETWEEN, window).fetchnumpy()
            kept = ~is_among(numbers, found["number"])
            columns = [rows["id"], rows["place"], rows["exact"], copy, kept]
            writer.add(pa.table(columns, schema=REGISTER))
    return writer.finish()
