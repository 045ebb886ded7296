"""`webtext show`: rows of any table of a corpus, by DuckDB."""

from __future__ import annotations

from typing import Any

import duckdb
from rich.console import Console
from rich.text import Text

from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.sql import Database

#: What can be shown: (stage, prefix of its files).
TABLES = {
    "links": ("links", "part-"),
    "pages": ("pages", "fetches-"),
    "fetches": ("pages", "fetches-"),
    "documents": ("documents", "part-"),
    "drops": ("documents", "drops-"),
    "quality": ("quality", "part-"),
    "verdicts": ("quality", "verdicts-"),
    "cuts": ("quality", "cuts-"),
    "dedup": ("dedup", "part-"),
    "passages": ("dedup", "passages-"),
    "corpus": ("corpus", "part-"),
    "decisions": ("corpus", "decisions-"),
}
_LONGEST = 600  # characters of one value; a text is cut there


def table_paths(corpus: Corpus, table: str, interval: str | None) -> list[str]:
    """The Parquet files of a table, of one interval or of all."""
    if table not in TABLES:
        raise SettingError(f"No table {table!r} to show", f"One of: {', '.join(TABLES)}")
    stage, prefix = TABLES[table]
    intervals = [interval] if interval else corpus.intervals(stage)
    paths = [path for name in intervals for path in corpus.paths(stage, name, prefix)]
    if not paths:
        raise WebtextError(f"{corpus.root} has no {table} yet", f"Build stage {stage} first")
    return paths


def select(
    corpus: Corpus, table: str, *, where: str | None, limit: int, interval: str | None = None
) -> list[dict[str, Any]]:
    """Rows of a table that meet an SQL condition, in order of id."""
    database = Database()
    rows = database.table(table_paths(corpus, table, interval), by_name=True)
    condition = f"WHERE ({where}\n)" if where else ""
    try:
        return database.dicts(f"SELECT * FROM {rows} {condition} ORDER BY id LIMIT {int(limit)}")
    except duckdb.Error as error:
        if where is None:
            raise
        names = ", ".join(row[0] for row in database.ask(f"DESCRIBE SELECT * FROM {rows}"))
        reason = str(error).splitlines()[0].partition(": ")[2].rstrip("!.")
        raise SettingError(f"--where {where!r}: {reason}", f"Columns of {table}: {names}") from None


def print_rows(table: str, rows: list[dict[str, Any]]) -> None:
    """Prints rows of a table, one value a line, long texts cut."""
    console = Console()
    for row in rows:
        console.rule(Text(str(row.get("url") or row["id"])), align="left")
        for name, value in row.items():
            text = str(value)
            cut = f"{text[:_LONGEST]} … ({len(text):,} characters)"
            console.print(
                Text(f"{name}: ", "bold").append(cut if len(text) > _LONGEST else text, "not bold")
            )
    if not rows:
        console.print(f"No row of {table} meets the condition.")
