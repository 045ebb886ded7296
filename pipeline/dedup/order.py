"""The keep order of the batch, and which documents are copies of one before them.

DuckDB joins, sorts and groups; it spills to disk beyond `_MEMORY`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dedup.batch import ORDER, Batch, read
from pipeline.dedup.exact import EXACT_BYTES
from pipeline.dedup.places import finished_places, write_places
from pipeline.dedup.settings import Preference
from pipeline.store import files
from pipeline.store.parquet import batches
from pipeline.store.parts import Part, PartWriter, finished_part

_MEMORY = "1GB"
ROWS = 100_000  # rows that pass between DuckDB and files at a time

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
        ("karma", pa.int64()),
    ]
)
#: `id` is null for what is not of this corpus: its pages are no pages of ours.
_PAST = pa.schema([("number", pa.int64()), ("id", pa.string()), ("exact", pa.binary(EXACT_BYTES))])


@contextmanager
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of one thread in memory, with its spill in a temporary folder."""
    with (
        TemporaryDirectory(prefix="webtext-dedup-") as spill,
        duckdb.connect() as connection,  # noqa: TID251  # it reads no file
    ):
        connection.execute(f"SET memory_limit = '{_MEMORY}'")
        connection.execute("SET threads = 1")
        with suppress(duckdb.InvalidInputException):  # a notebook without ipywidgets has no bar
            connection.execute("SET enable_progress_bar = false")
        connection.execute("SET temp_directory = ?", [spill])
        yield connection


def arrange(batch: Batch) -> list[Part]:
    """Writes the keep order of the batch's documents that passed, and the tables of places."""
    folder, name = batch.order.rsplit("/", 1)
    done = [finished_part(folder, name, batch.key), *finished_places(batch)]
    if all(done):
        return [part for part in done if part]
    preferences = ", ".join(_SQL[preference] for preference in batch.settings.keep)
    preferences += ", " if preferences else ""
    with database() as connection:
        connection.register("signed", _reader(_SIGNED, _signed(batch)))
        connection.from_arrow(_reader(_PAST, _past(batch))).create("past")
        # The preferences are this module's own words and the base is a number.
        connection.execute(
            f"""
            CREATE TEMP TABLE numbered AS
            SELECT id, place, exact,
                row_number() OVER (ORDER BY source, {preferences} id) - 1 + {batch.base()} AS number
            FROM signed
            """  # noqa: S608
        )
        with PartWriter(folder, name, ORDER, batch.key, fingerprinted=False) as writer:
            for rows in tables(connection.sql(_FIRSTS), ORDER):
                writer.add(rows)
    # A database of its own: what the order took is given back before.
    with database() as connection:
        return [writer.finish(), *write_places(connection, batch)]


#: A page of an earlier interval is decided as it was then, whatever it says now.
_FIRSTS = """
WITH pages AS (SELECT id, min(number) AS page FROM past GROUP BY id),
placed AS (SELECT numbered.*, page FROM numbered LEFT JOIN pages USING (id)),
texts AS (
    SELECT exact, min(number) AS first
    FROM (SELECT exact, number FROM placed WHERE page IS NULL
          UNION ALL SELECT exact, number FROM past)
    GROUP BY exact
)
SELECT id, place, exact, coalesce(page, first) AS first, page IS NOT NULL AS recrawled
FROM placed LEFT JOIN texts USING (exact) ORDER BY number
"""


def tables(query: duckdb.DuckDBPyRelation, schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows of a query, `ROWS` at a time."""
    reader: pa.RecordBatchReader = query.to_arrow_reader(ROWS)
    for rows in reader:
        yield pa.Table.from_batches([rows]).cast(schema)


def _reader(schema: pa.Schema, rows: Iterable[pa.RecordBatch]) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(schema, rows)


def _signed(batch: Batch) -> Iterator[pa.RecordBatch]:
    """The documents that passed, with their karma."""
    names = iter(batch.signature_names())
    row = 0
    for number, source in enumerate(batch.sources):
        for verdicts in source.verdicts:
            signed = read([files.join(batch.folder, next(names))], ["id", "exact", "chars", "date"])
            judged = read([verdicts], ["id", "karma", "reason"])
            judged = judged.take(pc.index_in(signed["id"], value_set=judged["id"]))
            places = np.arange(row, row + len(signed))
            row += len(signed)
            sources = pa.array(np.full(len(signed), number))
            columns = [sources, pa.array(places), *signed.columns, judged["karma"]]
            rows = pa.table(columns, schema=_SIGNED)
            yield from rows.filter(pc.equal(judged["reason"], "")).to_batches()


def _past(batch: Batch) -> Iterator[pa.RecordBatch]:
    number = 0
    for decided in batch.history:
        for path in decided.registers:
            for rows in batches(path, ["id", "exact"], ROWS):
                numbers = np.arange(number, number + rows.num_rows)
                number += rows.num_rows
                ids = pa.nulls(rows.num_rows, pa.string()) if decided.elsewhere else rows["id"]
                yield pa.record_batch([pa.array(numbers), ids, rows["exact"]], schema=_PAST)
