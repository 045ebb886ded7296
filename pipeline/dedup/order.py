"""Second step: the keep order of the batch, and which documents are exact copies.

DuckDB joins, sorts and groups; it spills to disk beyond `_MEMORY`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa

from pipeline.dedup.batch import ORDER, Batch, rows_of
from pipeline.dedup.exact import EXACT_BYTES
from pipeline.dedup.settings import Preference
from pipeline.store import files
from pipeline.store.parquet import open_table
from pipeline.store.parts import Part, PartWriter, finished_part

_MEMORY = "2GB"
_ROWS = 100_000  # rows that pass between DuckDB and files at a time

_SQL: dict[Preference, str] = {
    "karma": "coalesce(karma, 0) DESC",
    "longest": "chars DESC",
    "shortest": "chars",
    "earliest": "nullif(date, '') NULLS LAST",
    "latest": "nullif(date, '') DESC NULLS LAST",
}

_SIGNED = pa.schema(
    [
        ("source", pa.int64()),
        ("place", pa.int64()),
        ("id", pa.string()),
        ("exact", pa.binary(EXACT_BYTES)),
        ("chars", pa.int64()),
        ("date", pa.string()),
    ]
)
_KARMA = pa.schema([("source", pa.int64()), ("id", pa.string()), ("karma", pa.int64())])
_PAST = pa.schema([("number", pa.int64()), ("exact", pa.binary(EXACT_BYTES))])


@contextmanager
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of one thread in memory, with its spill in a temporary folder."""
    with (
        TemporaryDirectory(prefix="webtext-dedup-") as spill,
        duckdb.connect() as connection,  # noqa: TID251  # it reads no file
    ):
        connection.execute(f"SET memory_limit = '{_MEMORY}'")
        connection.execute("SET threads = 1")
        connection.execute("SET enable_progress_bar = false")
        connection.execute("SET temp_directory = ?", [spill])
        yield connection


def arrange(batch: Batch) -> list[Part]:
    """Writes the batch's keep order."""
    folder, name = batch.order.rsplit("/", 1)
    done = finished_part(folder, name, batch.key)
    if done:
        return [done]
    base = sum(rows_of(path) for decided in batch.history for path in decided.registers)
    preferences = ", ".join(_SQL[preference] for preference in batch.settings.keep)
    preferences += ", " if preferences else ""
    with (
        database() as connection,
        PartWriter(folder, name, ORDER, batch.key, fingerprinted=False) as writer,
    ):
        connection.register("signed", _reader(_SIGNED, _signed(batch)))
        connection.register("links", _reader(_KARMA, _karma(batch)))
        connection.register("past", _reader(_PAST, _past(batch)))
        # The preferences are this module's own words and the base is a number.
        connection.execute(
            f"""
            CREATE TEMP TABLE numbered AS
            SELECT id, place, exact,
                row_number() OVER (ORDER BY source, {preferences} id) - 1 + {base} AS number
            FROM signed LEFT JOIN (
                SELECT source, id, max(karma) AS karma FROM links GROUP BY ALL
            ) USING (source, id)
            """  # noqa: S608
        )
        connection.execute(
            """
            CREATE TEMP TABLE firsts AS
            SELECT exact, min(number) AS first
            FROM (SELECT exact, number FROM numbered UNION ALL SELECT exact, number FROM past)
            GROUP BY exact
            """
        )
        found = connection.sql(
            "SELECT id, place, exact, first FROM numbered JOIN firsts USING (exact) ORDER BY number"
        )
        for rows in tables(found, ORDER):
            writer.add(rows)
    return [writer.finish()]


def tables(found: duckdb.DuckDBPyRelation, schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows of a query, `_ROWS` at a time."""
    reader: pa.RecordBatchReader = found.to_arrow_reader(_ROWS)
    for rows in reader:
        yield pa.Table.from_batches([rows]).cast(schema)


def batches(path: str, columns: list[str], rows: int = _ROWS) -> Iterator[pa.RecordBatch]:
    """Some columns of a Parquet file, `rows` rows at a time."""
    with open_table(path) as stored:
        yield from stored.iter_batches(rows, columns=columns)


def _reader(schema: pa.Schema, rows: Iterable[pa.RecordBatch]) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(schema, rows)


def _signed(batch: Batch) -> Iterator[pa.RecordBatch]:
    names = iter(batch.signature_names())
    place = 0
    for source, documents in enumerate(source.documents for source in batch.sources):
        for _ in documents:
            path = files.join(batch.folder, next(names))
            for rows in batches(path, ["id", "exact", "chars", "date"]):
                count = rows.num_rows
                places = np.arange(place, place + count)
                place += count
                numbers = [np.full(count, source), places]
                yield pa.record_batch([*map(pa.array, numbers), *rows.columns], schema=_SIGNED)


def _karma(batch: Batch) -> Iterator[pa.RecordBatch]:
    for source, links in enumerate(source.links for source in batch.sources):
        for path in links:
            for rows in batches(path, ["id", "karma"]):
                numbers = pa.array(np.full(rows.num_rows, source))
                yield pa.record_batch([numbers, *rows.columns], schema=_KARMA)


def _past(batch: Batch) -> Iterator[pa.RecordBatch]:
    number = 0
    for path in (path for decided in batch.history for path in decided.registers):
        for rows in batches(path, ["exact"]):
            numbers = np.arange(number, number + rows.num_rows)
            number += rows.num_rows
            yield pa.record_batch([pa.array(numbers), rows["exact"]], schema=_PAST)
