"""DuckDB for what one unit joins, groups or sorts: one thread, bounded memory, spill on disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa

_MEMORY = "1GB"
ROWS = 100_000  # rows that pass between DuckDB and files at a time


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


def tables(query: duckdb.DuckDBPyRelation, schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows of a query, `ROWS` at a time."""
    reader: pa.RecordBatchReader = query.to_arrow_reader(ROWS)
    for rows in reader:
        yield pa.Table.from_batches([rows]).cast(schema)
