"""How links fared, month by month: by when they were first posted, and by interval."""

from __future__ import annotations

from multidict import MultiMapping

from pipeline.browse.site import BrowsedCorpus, View

_COUNTS = """
count(*) AS links, count(*) FILTER ("fetch" = 'ok') AS fetched, count(words) AS texts,
count(*) FILTER (fate = 'kept') AS kept,
coalesce(sum(words) FILTER (fate = 'kept'), 0)::BIGINT AS words
"""
#: What a table is about, and the column that its rows are of.
_TABLES = (("By month of the first post", "month"), ("By interval", "interval"))


def months(site: BrowsedCorpus, query: MultiMapping[str], name: str) -> View:
    """Numbers of links, fetched pages, texts and kept pages over time."""
    tables = []
    for title, column in _TABLES:
        rows = site.catalogue.ask(
            f"SELECT coalesce({column}, '') AS name, {_COUNTS} FROM pages GROUP BY 1 ORDER BY 1"
        )
        tables.append((title, column, rows, max((row["links"] for row in rows), default=1)))
    return View("months.html", {"title": "Months", "tables": tables})
