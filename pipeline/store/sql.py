"""SQL over Parquet files by DuckDB, wherever they are; a cut or damaged one is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any

import duckdb

from pipeline.store import files
from pipeline.store.parquet import check_table

_BATCH = 10_000  # rows
#: What is wrong with the query, or ended it, and not with a file.
_OF_THE_QUERY = (
    duckdb.ParserException,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.InterruptException,
)


class Database:
    """A DuckDB database in memory, whose queries read the files that `table` names.

    Its queries raise WebtextError, with the file's name, where one of these is missing, cut or
    damaged; duckdb.Error for anything else.
    """

    def __init__(self, remedy: str | None = None) -> None:
        """`remedy`: what to do about a damaged file that no stage made."""
        self._connection = duckdb.connect()
        self._remedy = remedy
        self._paths: dict[str, None] = {}
        self._schemes: set[str] = set()

    def table(self, paths: Iterable[str], *, by_name: bool = False) -> str:
        """The rows of Parquet files, for use after FROM.

        `by_name` takes the columns of all files together, and opens all of them for it.
        """
        listed = list(paths)
        for path in listed:
            self._paths[path] = None
            scheme = path.split("://", 1)[0]
            if files.is_remote(path) and scheme not in self._schemes:
                self._schemes.add(scheme)
                self._connection.register_filesystem(files.filesystem(path)[0])
        # DuckDB takes every path as a pattern, and folders `a=b` as columns.
        texts = ", ".join(_text(files.escape(path)) for path in listed)
        more = ", union_by_name = true" if by_name else ""
        return f"read_parquet([{texts}], hive_partitioning = false{more})"

    def relation(self, paths: Iterable[str]) -> duckdb.DuckDBPyRelation:
        """The rows of Parquet files, with the columns of all, for queries in steps."""
        found = self._connection.sql(f"FROM {self.table(paths, by_name=True)}")
        assert found is not None, "a query has rows"
        return found

    def ask(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of the answer; of a statement without one, none."""
        return [row for batch in self.batches(query, values) for row in batch]

    def dicts(self, query: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """All rows of the answer, by the names of columns."""
        rows = self.ask(query, values)
        names = [column[0] for column in self._connection.description or []]
        return [dict(zip(names, row, strict=True)) for row in rows]

    def batches(
        self, query: str, values: Sequence[Any] = (), size: int = _BATCH
    ) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of the answer, `size` at a time; another query ends them."""
        try:
            answer = self._connection.execute(query, [*values])
            while batch := answer.fetchmany(size):
                yield batch
        except _OF_THE_QUERY:
            raise
        except duckdb.Error:
            for path in self._paths:
                check_table(path, self._remedy)
            raise

    def interrupt(self) -> None:
        """Ends a query that another thread runs: it raises duckdb.InterruptException."""
        self._connection.interrupt()

    def add(self, name: str, table: Any) -> None:
        """Makes an Arrow table known by a name."""
        self._connection.register(name, table)


def marks(values: Sized) -> str:
    """The places of so many parameters: `?, ?, ?`."""
    return ", ".join("?" * len(values))


def _text(value: str) -> str:
    """A string as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"
