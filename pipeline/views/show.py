"""`webtext show`: rows of any table of a corpus, by DuckDB."""

from __future__ import annotations

from typing import Any

import duckdb
from rich.console import Console
from rich.text import Text

from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.sql import Database
from pipeline.views.cell import cell

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
    """Rows of a table that meet an SQL condition, in order of id; a table without addresses gets
    those of the links, as its column `url`.
    """
    database = Database()
    rows = _with_addresses(corpus, database, table_paths(corpus, table, interval))
    condition = f"WHERE ({where}\n)" if where else ""
    try:
        return database.dicts(f"SELECT * FROM {rows} {condition} ORDER BY id LIMIT {int(limit)}")
    except duckdb.Error as error:
        if where is None:
            raise
        names = ", ".join(row[0] for row in database.ask(f"DESCRIBE SELECT * FROM {rows}"))
        reason = str(error).splitlines()[0].partition(": ")[2].rstrip("!.")
        raise SettingError(f"--where {where!r}: {reason}", f"Columns of {table}: {names}") from None


def _with_addresses(corpus: Corpus, database: Database, paths: list[str]) -> str:
    """The rows of a table, for use after FROM."""
    rows = database.table(paths, by_name=True)
    links = [path for name in corpus.intervals("links") for path in corpus.paths("links", name)]
    named = any(row[0] == "url" for row in database.ask(f"DESCRIBE SELECT * FROM {rows}"))
    if named or not links:
        return rows
    # A page may be a link of several intervals; its address is the same by its canonical form.
    urls = f"SELECT id, min(url) AS url FROM {database.table(links)} GROUP BY id"
    return f"(SELECT id, url, * EXCLUDE (id, url) FROM {rows} LEFT JOIN ({urls}) USING (id))"


def print_rows(table: str, rows: list[dict[str, Any]]) -> None:
    """Prints rows of a table, one value a line, long texts cut."""
    console = Console()
    for row in rows:
        console.rule(Text(str(row.get("url") or row["id"])), align="left")
        for name, value in row.items():
            text = cell(name, value, _LONGEST)
            console.print(Text(f"{name}: ", "bold").append(text, "not bold"))
    if not rows:
        console.print(f"No row of {table} meets the condition.")
