"""All pages of a corpus as one table in memory, a row a page: lists are filtered and sorted by it.

Texts and measurements stay in their files.  Of a page that several intervals have, the row of the
last one counts.  Stages that are not built yet leave their columns empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

import pyarrow as pa

from pipeline.browse.conditions import Condition, quoted
from pipeline.store.corpus import Corpus, check_interval
from pipeline.store.schemas import SCHEMAS
from pipeline.store.sql import Database, marks
from pipeline.views.show import TABLES

#: Tables that rows are joined from; each is a view with all columns of its schema and `interval`.
_JOINED = ("links", "fetches", "drops", "documents", "decisions", "dedup", "cuts", "passages")
#: Where a page has come to: in the corpus, or what stopped it.
_FATE = """
CASE WHEN c.kept THEN 'kept' WHEN c.id IS NOT NULL THEN c.reason
WHEN d.id IS NOT NULL THEN 'not decided yet' WHEN x.id IS NOT NULL THEN 'text: ' || x.outcome
WHEN f.outcome = 'ok' THEN 'not extracted yet' WHEN f.id IS NOT NULL THEN 'fetch: ' || f.outcome
ELSE 'not fetched yet' END
"""
_PAGES = f"""
CREATE TABLE pages AS SELECT id, coalesce(l.url, d.url, f.url, x.url, '') AS url,
coalesce(l.host, '') AS host, coalesce(d.title, '') AS title, coalesce(d.date, '') AS date,
coalesce(d.language, x.language, '') AS language, d.words AS words, l.karma AS karma,
coalesce(l.subreddits, '') AS subreddits, strftime(to_timestamp(l.first_seen), '%Y-%m') AS month,
f.outcome AS fetch, f.status AS status, f.origin AS origin, {_FATE} AS fate, c.value AS value,
c.threshold AS threshold, c.kept_id AS kept_id, c.similarity AS similarity,
coalesce(d.interval, f.interval, l.interval, x.interval) AS interval, d.filename AS file
FROM one_links l FULL JOIN one_fetches f USING (id) FULL JOIN one_drops x USING (id)
FULL JOIN one_documents d USING (id) LEFT JOIN one_decisions c USING (id)
"""
_COLUMNS = {
    "links": (
        "id, url, host, karma, first_seen, array_to_string(list_sort(list_distinct("
        "list_filter(list_transform(mentions, lambda m: m.subreddit), lambda s: s <> ''))), ', ') "
        "AS subreddits, interval"
    ),
    "fetches": "id, url, outcome, status, origin, interval",
    "drops": "id, url, outcome, language, interval",
    "documents": "id, url, title, date, language, words, interval, filename",
    "decisions": "id, kept, reason, value, threshold, kept_id, similarity, interval",
}
_HIDDEN = ("file",)  # columns that no list shows


@dataclass(frozen=True)
class ListQuery:
    """Which pages a list has, in which order, from which row on."""

    conditions: Sequence[Condition] = ()
    #: Ids that a search gave, best first; None where nothing was searched for.
    hits: Sequence[str] | None = None
    sort: str = ""
    descending: bool = True
    offset: int = 0
    limit: int = 25


@dataclass(frozen=True)
class PageListing:
    """Rows of a list, how many there are in all, and how many of each fate."""

    rows: list[dict[str, Any]]
    total: int
    fates: list[tuple[str, int]] = field(default_factory=list)


class Catalogue:
    """The table of all pages of a corpus as it was when this was made; for several threads."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.stages = stage_fingerprints(corpus)
        self._lock = RLock()  # a connection takes one query at a time
        self._database = Database()
        self._asked: set[Database] = set()  # that read files at this moment
        for table in _JOINED:
            self._view(table)
        for table, columns in _COLUMNS.items():
            self._view_of_last(table, columns, table, len(self._intervals(table)))
        self._database.ask(_PAGES)
        self.types = self._types("pages")
        self.measurements = self._measurements()

    def ask(self, query: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Rows of a query over `pages` and the views of the tables, by the names of columns."""
        with self._lock:
            return self._database.dicts(query, values)

    def page(self, page: str) -> dict[str, Any] | None:
        """The row of a page; None where no stage knows it."""
        return next(iter(self.ask("SELECT * FROM pages WHERE id = ?", [page])), None)

    def columns(self) -> list[str]:
        """What a list can be filtered and sorted by: of pages, then measurements."""
        return [name for name in (*self.types, *self.measurements) if name not in _HIDDEN]

    def answer(self, question: ListQuery) -> PageListing:
        """The rows of a list.  Raises SettingError for a condition that cannot be."""
        where, values = self._where(question.conditions)
        source, order = "pages p", "p.id"
        if question.hits is not None:
            source, order = "pages p JOIN hits USING (id)", "hits.place"
        measured = f"{source} LEFT JOIN one_quality USING (id)"
        filtered = self.measurements.keys() & {one.column for one in question.conditions}
        counted = measured if filtered else source
        listed = measured if question.sort in self.measurements else counted
        if question.sort in self.columns():
            way = "DESC" if question.descending else "ASC"
            order = f"{quoted(question.sort)} {way} NULLS LAST, p.id"
        with self._lock:
            self._set_hits(question.hits)
            fates = self._database.ask(
                f"SELECT fate, count(*) FROM {counted} {where} GROUP BY 1 ORDER BY 2 DESC, 1",
                values,
            )
            rows = self._database.dicts(
                f"SELECT p.* FROM {listed} {where} ORDER BY {order} LIMIT ? OFFSET ?",
                [*values, question.limit, question.offset],
            )
        return PageListing(rows, sum(n for _, n in fates), [(str(fate), n) for fate, n in fates])

    def texts(self, ids: Sequence[str]) -> dict[str, str]:
        """The texts of documents by id; those that have none are left out."""
        if not ids:
            return {}
        found = self.ask(f"SELECT DISTINCT file FROM pages WHERE id IN ({marks(ids)})", [*ids])
        paths = sorted(row["file"] for row in found if row["file"])
        if not paths:
            return {}
        return dict(self.ask_files(paths, f"SELECT id, text {{}} WHERE id IN ({marks(ids)})", ids))

    def ask_files(
        self, paths: Sequence[str], query: str, values: Sequence[Any]
    ) -> list[tuple[Any, ...]]:
        """Rows of a query over files, whose place in it is `{}`; it waits for no other query."""
        database = Database()
        self._asked.add(database)
        try:
            return database.ask(query.format(f"FROM {database.table(paths)}"), values)
        finally:
            self._asked.discard(database)

    def close(self) -> None:
        """Ends the queries that run in other threads."""
        for database in (self._database, *self._asked):
            database.interrupt()

    def _set_hits(self, hits: Sequence[str] | None) -> None:
        if hits is not None:
            places = pa.table({"id": pa.array(hits, pa.string()), "place": range(len(hits))})
            self._database.add("hits", places)

    def _where(self, conditions: Sequence[Condition]) -> tuple[str, list[Any]]:
        types = {**self.types, **self.measurements}
        parts = [one.sql(types) for one in conditions]
        if not parts:
            return "", []
        texts = " AND ".join(f"({text})" for text, _ in parts)
        return f"WHERE {texts}", [value for _, values in parts for value in values]

    def _intervals(self, table: str) -> list[str]:
        return [name for stage, name in self.stages if stage == TABLES[table][0]]

    def _view(self, table: str) -> None:
        """A view of the rows of all finished intervals, with the columns of its schema."""
        name = f"no_{table}"
        self._database.add(name, SCHEMAS[table].empty_table())
        extra = "'' AS interval, '' AS filename"
        parts = [f"SELECT *, {extra} FROM {name}", *self._parts(table)]
        self._database.ask(f"CREATE VIEW {table} AS {' UNION ALL BY NAME '.join(parts)}")

    def _view_of_last(self, table: str, columns: str, rows: str, intervals: int) -> None:
        """The view `one_TABLE`: of a page that several intervals have, the row of the last one."""
        last, order = (
            ("DISTINCT ON (id)", "ORDER BY id, interval DESC") if intervals > 1 else ("", "")
        )
        self._database.ask(
            f"CREATE VIEW one_{table} AS SELECT {last} {columns} FROM {rows} {order}"
        )

    def _parts(self, table: str) -> list[str]:
        stage, prefix = TABLES[table]
        parts = []
        for interval in self._intervals(table):
            paths = self.corpus.paths(stage, interval, prefix)
            if paths:
                rows = self._database.table(paths, by_name=True)
                text = f"'{check_interval(interval)}' AS interval"
                parts.append(f"SELECT *, {text}, filename FROM {rows}")
        return parts

    def _measurements(self) -> dict[str, str]:
        """The types of the measurements, for which there is the view `one_quality`."""
        parts = self._parts("quality")
        if not parts:
            return {}
        union = " UNION ALL BY NAME ".join(parts)
        self._view_of_last("quality", "* EXCLUDE (interval, filename)", f"({union})", len(parts))
        types = self._types("one_quality")
        return {name: kind for name, kind in types.items() if name not in self.types}

    def _types(self, table: str) -> dict[str, str]:
        return {str(row[0]): str(row[1]) for row in self._database.ask(f"DESCRIBE {table}")}


def stage_fingerprints(corpus: Corpus) -> dict[tuple[str, str], str]:
    """The fingerprint of each finished stage and interval but tokens: tells when one changed."""
    stages = dict.fromkeys(stage for stage, _ in TABLES.values())
    return {
        (stage, interval): corpus.require(stage, interval).fingerprint
        for stage in stages
        for interval in corpus.intervals(stage)
    }
