"""The lines that repeat across a host, in words: the tables of quality hold their hashes."""

from __future__ import annotations

from pipeline.store.corpus import Corpus
from pipeline.store.repeated_lines import line_hash
from pipeline.store.sql import Database

_CUT = 160  # characters shown of a line


def repeated_lines(corpus: Corpus, database: Database, most: int) -> list[tuple[str, str, str]]:
    """(host, share of its pages, line), the `most` that stand on the most pages.

    The documents of the corpus are the view `documents` of the database.
    """
    paths = [
        path
        for interval in corpus.intervals("quality")
        for path in corpus.paths("quality", interval, "hostlines-")
    ]
    if not paths:
        return []
    lines = database.table(paths)
    rows = database.ask(
        "SELECT l.host, l.pages / l.sampled, l.line, d.text FROM "
        f"(SELECT * FROM {lines} ORDER BY pages DESC, host, line LIMIT {most}) l "
        "JOIN documents d USING (id) ORDER BY l.pages DESC, l.host, l.line"
    )
    return [(host, f"{share:.0%}", _line(text, sign)) for host, share, sign, text in rows]


def _line(text: str, sign: str) -> str:
    """The line of a page that has this hash."""
    line = next((x for x in text.splitlines() if line_hash(x).hex() == sign), "").strip()
    return line if len(line) <= _CUT else line[:_CUT] + " …"
