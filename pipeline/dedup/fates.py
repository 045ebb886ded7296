"""What became of some documents: the rows of the duplicate table, by queries over what they need.

A unit loads its own documents, those that they may be removed for, and what became of these;
so it goes through all decisions and registers, and holds what is about its own documents.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dedup.bands import Numbers, is_among
from pipeline.dedup.batch import Batch, column, read
from pipeline.dedup.database import ROWS
from pipeline.dedup.decide import DECISIONS
from pipeline.dedup.order import FIRSTS
from pipeline.dedup.passages.decide import GONE
from pipeline.dedup.windows import row_groups, windows
from pipeline.store import files
from pipeline.store.parquet import batches, rows_of

_IDS = pa.schema([("scope", pa.int64()), ("number", pa.int64()), ("id", pa.string())])
_DOCUMENTS = pa.schema([*FIRSTS, ("id", pa.string())])
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


@dataclass(frozen=True)
class RunTables:
    """Names of the scratch tables that tell what became of a run's documents."""

    orders: tuple[str, ...]
    firsts: tuple[str, ...]
    copies: tuple[str, ...]
    decided: tuple[str, ...]
    gone: tuple[str, ...]  # passages

    def paths(self, batch: Batch, table: str) -> list[str]:
        """Where the tables are."""
        return [files.join(batch.work, name) for name in getattr(self, table)]


def load_fates(
    connection: duckdb.DuckDBPyConnection,
    batch: Batch,
    exchange: RunTables,
    parts: range,
    bounds: Sequence[int],
) -> list[int]:
    """Tables `firsts` (documents of some parts that lose anything), `gone`, `stays`, `removed`.

    `bounds` are those of the batch.  Returns how many documents of each part passed.

    A page may have been in several intervals or corpora; `scope` tells them apart.  `elsewhere`
    says of scopes, or of documents in them, that are not of this corpus.
    """
    documents, passed = _documents(batch, exchange, parts, bounds)
    numbers, firsts = column(documents, "number"), column(documents, "first")
    own = np.union1d(numbers, firsts)
    decided = _about(exchange.paths(batch, "decided"), DECISIONS, own)
    gone = _about(exchange.paths(batch, "gone"), GONE, own)
    lost = np.union1d(column(decided, "number"), column(gone, "number"))
    touched = (firsts != numbers) | is_among(numbers, lost)
    documents = documents.filter(pa.array(touched))
    # For what they are removed, and where that went whole, for what it was.
    others = [column(table, "kept") for table in (decided, gone)]
    wanted = np.unique(np.concatenate([firsts[touched], *others]))
    gone = _about(exchange.paths(batch, "gone"), GONE, wanted)
    wanted = np.union1d(wanted, column(gone, "kept"))
    ids = pa.concat_tables([_IDS.empty_table(), *_ids(batch, exchange, wanted)])
    streams = {
        "firsts": (_DOCUMENTS, documents.to_batches()),
        "decided": (DECISIONS, decided.to_batches()),
        "gone": (GONE, gone.to_batches()),
        "ids": (_IDS, ids.to_batches()),
        "earlier": (_EARLIER, _earlier(batch, ids)),
        "elsewhere": (_ELSEWHERE, _elsewhere(batch)),
    }
    for name, (schema, rows) in streams.items():
        connection.from_arrow(pa.RecordBatchReader.from_batches(schema, rows)).create(name)
    for query in (_OWN, _PAST, _WHOLE, _STAYS, _REMOVED):
        connection.execute(query)
    return passed


def _documents(
    batch: Batch, exchange: RunTables, parts: range, bounds: Sequence[int]
) -> tuple[pa.Table, list[int]]:
    """The documents of some parts that passed, with their ids, and how many are of each part."""
    paths = [files.join(batch.folder, name) for name in batch.signature_names()]
    start, stop = bounds[parts.start], bounds[parts.stop]
    rows = windows(exchange.paths(batch, "firsts"), FIRSTS, start, stop)
    places = column(rows, "place")
    own = read(paths[parts.start : parts.stop], ["id"])["id"].take(pa.array(places - start))
    passed = np.histogram(places, bounds[parts.start : parts.stop + 1])[0]
    return rows.append_column("id", own).cast(_DOCUMENTS), passed.tolist()


def _about(paths: Iterable[str], schema: pa.Schema, numbers: Numbers) -> pa.Table:
    """The rows of tables whose `number` is among the sorted ones."""
    found = [schema.empty_table()]
    for path in paths:
        for rows in batches(path, schema.names, ROWS):
            ours = is_among(rows["number"].to_numpy(), numbers)
            found.append(pa.Table.from_batches([rows.filter(pa.array(ours))]).cast(schema))
    return pa.concat_tables(found)


def _ids(batch: Batch, exchange: RunTables, numbers: Numbers) -> Iterator[pa.Table]:
    """Scope and id of the documents with the sorted numbers, of history and batch."""
    scopes = [*(decided.registers for decided in batch.history), exchange.paths(batch, "orders")]
    first = 0
    for scope, paths in enumerate(scopes):
        for path in paths:
            stop = first + rows_of(path)
            ours = numbers[np.searchsorted(numbers, first) : np.searchsorted(numbers, stop)] - first
            wanted = np.zeros(stop - first, bool)
            wanted[ours] = True
            for start, rows in row_groups(path, ["id"], wanted):
                at = np.flatnonzero(wanted[start : start + len(rows)])
                some = [np.full(len(at), scope), at + start + first, rows["id"].take(at)]
                yield pa.table(some, schema=_IDS)
            first = stop


def _earlier(batch: Batch, ids: pa.Table) -> Iterator[pa.RecordBatch]:
    """What earlier intervals removed of the documents in `ids`."""
    for scope, decided in enumerate(batch.history):
        wanted = ids.filter(pc.equal(ids["scope"], scope))["id"].combine_chunks()
        for path in decided.removed if len(wanted) else ():
            for rows in batches(path, _EARLIER.names[2:], ROWS):
                some = rows.filter(pc.is_in(rows["id"], value_set=wanted))
                constant = [np.full(some.num_rows, value) for value in (scope, -1)]
                columns = [*map(pa.array, constant), *some.columns]
                yield pa.record_batch(columns, schema=_EARLIER)


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
