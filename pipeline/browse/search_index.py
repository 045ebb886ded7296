"""Full-text indexes over the documents of a corpus, one an interval, by SQLite's FTS5.

DuckDB's own extension for it is no part of its wheel (decisions.md).  An index holds the words and
their places, not the texts (`content=''`), is made beside the browsing, and until it is there the
texts themselves are scanned.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from pipeline.browse.catalogue import Catalogue
from pipeline.browse.terms import Term
from pipeline.store.corpus import Corpus
from pipeline.store.parquet import batches

#: Pages of one search at most: those of more are a filter's work, not a reader's.
MOST_HITS = 100_000
#: So many matches are ranked (bm25 reads each of them); more come in the order of ids.
_RANKED = 20_000
_TOGETHER = 1_000  # documents that are added at once
_FORM = "1"  # of an index file; another form is made anew
_TABLES = (
    "CREATE VIRTUAL TABLE words USING fts5(title, text, content='', "
    'tokenize="unicode61 remove_diacritics 2")',
    "CREATE TABLE pages (number INTEGER PRIMARY KEY, id TEXT NOT NULL)",
)


class SearchIndexes:
    """The indexes of one corpus in a folder; made by a thread of their own, asked by others.

    Files of the same corpus that are of other documents than today's are removed: they may hold
    words of pages that were forgotten.
    """

    def __init__(self, catalogue: Catalogue, folder: Path) -> None:
        self._catalogue = catalogue
        self._stopped = threading.Event()
        self._made = threading.Lock()
        self._documents = 0
        self._paths = {
            interval: folder / f"{_name(catalogue.corpus)}-{interval}-{fingerprint[:32]}.sqlite"
            for (stage, interval), fingerprint in catalogue.stages.items()
            if stage == "documents"
        }
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in folder.glob(f"{_name(catalogue.corpus)}-*"):
            if path not in self._paths.values():
                path.unlink(missing_ok=True)
        #: How many documents are to be added.
        self.total = sum(
            catalogue.corpus.require("documents", interval).counts.kept for interval in self.missing
        )

    @property
    def missing(self) -> list[str]:
        """The intervals whose index is not made yet."""
        return [interval for interval, path in self._paths.items() if not path.exists()]

    @property
    def documents(self) -> int:
        """How many documents were added so far."""
        return self._documents

    def make(self) -> None:
        """Makes what is missing; ends early once `stop` is called."""
        with self._made:
            for interval in self.missing:
                if not self._stopped.is_set():
                    self._make_one(interval, self._paths[interval])

    def stop(self) -> None:
        """Ends `make`, soon; what is half made is removed."""
        self._stopped.set()

    def search(self, terms: Sequence[Term]) -> list[str]:
        """The ids of documents that have all terms, best first, MOST_HITS at most."""
        ids: list[tuple[float, str]] = []
        missing = self.missing
        for interval, path in self._paths.items():
            if interval in missing or any(term.is_unspaced for term in terms):
                ids += self._scan(interval, terms)
            else:
                ids += _ask(path, terms)
        return list(dict.fromkeys(page for _, page in sorted(ids)))[:MOST_HITS]

    def _scan(self, interval: str, terms: Sequence[Term]) -> list[tuple[float, str]]:
        """Those whose title or text has the terms as parts, without an index."""
        has = "contains(lower(title), ?) OR contains(lower(text), ?)"
        conditions = " AND ".join(f"({has})" for _ in terms)
        values = [term.text.lower() for term in terms for _ in range(2)]
        paths = self._catalogue.corpus.paths("documents", interval)
        if not paths:
            return []
        query = f"SELECT 0.0::DOUBLE, id {{}} WHERE {conditions} LIMIT {MOST_HITS}"
        return [(rank, page) for rank, page in self._catalogue.ask_files(paths, query, values)]

    def _make_one(self, interval: str, path: Path) -> None:
        temporary = path.with_name(f"{path.name}.tmp-{os.getpid()}")
        temporary.unlink(missing_ok=True)
        paths = self._catalogue.corpus.paths("documents", interval)
        try:
            with closing(sqlite3.connect(temporary)) as database:
                # The file is published whole or removed, so it needs no journal.
                for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536"):
                    database.execute(f"PRAGMA {setting}")
                for table in _TABLES:
                    database.execute(table)
                self._add(database, paths)
                database.commit()
            if not self._stopped.is_set():
                temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def _add(self, database: sqlite3.Connection, paths: Sequence[str]) -> None:
        number = 0
        for path in paths:
            for batch in batches(path, ["id", "title", "text"], _TOGETHER):
                if self._stopped.is_set():
                    return
                columns = [batch[name].to_pylist() for name in ("id", "title", "text")]
                rows = range(number, number + len(columns[0]))
                database.executemany(
                    "INSERT INTO words (rowid, title, text) VALUES (?, ?, ?)",
                    zip(rows, columns[1], columns[2], strict=True),
                )
                database.executemany(
                    "INSERT INTO pages VALUES (?, ?)", zip(rows, columns[0], strict=True)
                )
                number += len(columns[0])
                self._documents += len(columns[0])


def _ask(path: Path, terms: Sequence[Term]) -> list[tuple[float, str]]:
    """(rank, id) of the documents of one index that have all terms; the lowest rank is the best."""
    match = " ".join(term.fts5 for term in terms)
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        matched = "FROM words WHERE words MATCH ?"
        (count,) = database.execute(
            f"SELECT count(*) FROM (SELECT 1 {matched} LIMIT {_RANKED + 1})", [match]
        ).fetchone()
        rank = "bm25(words, 4.0, 1.0)" if count <= _RANKED else "0.0"  # a title says more
        rows = database.execute(
            f"SELECT rank, id FROM (SELECT rowid AS number, {rank} AS rank {matched} "
            f"LIMIT {MOST_HITS}) JOIN pages USING (number)",
            [match],
        )
        return [(float(rank), str(page)) for rank, page in rows]


def _name(corpus: Corpus) -> str:
    return hashlib.blake2b(corpus.root.encode(), digest_size=8).hexdigest()
