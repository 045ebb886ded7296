"""The list of pages: searched, filtered, sorted, some at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multidict import MultiMapping

from pipeline.browse.catalogue import ListQuery
from pipeline.browse.conditions import OPERATORS, quoted, read_conditions
from pipeline.browse.search_index import MOST_HITS
from pipeline.browse.site import BrowsedCorpus, View
from pipeline.browse.terms import Term, read_terms, snippet
from pipeline.browse.turning import ROWS, neighbours, offset_of
from pipeline.store.addresses import canonical_key, page_id
from pipeline.store.sql import marks

_SNIPPET = 200_000  # characters of a text that are looked at for one
#: Columns that each row of the list has by itself.
_SHOWN = frozenset(
    ("id", "url", "host", "title", "date", "language", "words", "karma", "fate", "file")
)


def page_list(site: BrowsedCorpus, query: MultiMapping[str], name: str) -> View:
    """The pages that meet what the form asks for."""
    asked = query.get("q", "").replace("\0", " ").strip()  # SQLite ends a text there
    conditions = read_conditions(
        query.getall("column", []), query.getall("operator", []), query.getall("value", [])
    )
    terms = read_terms(asked)
    offset = offset_of(query)
    sort = query.get("sort", "" if terms else "karma")
    hits = _hits(site, asked, terms) if asked else None
    question = ListQuery(
        conditions,
        hits,
        sort,
        query.get("order", "down") != "up",
        offset,
        ROWS,
    )
    answer = site.catalogue.answer(question)
    texts = site.catalogue.texts([row["id"] for row in answer.rows]) if terms else {}
    named = [one.column for one in conditions] + [sort]
    kept = [pair for pair in query.items() if pair[0] != "from"]
    return View(
        "pages.html",
        {
            "title": f"Search: {asked}" if asked else "Pages",
            "asked": asked,
            "conditions": conditions,
            "columns": site.catalogue.columns(),
            "operators": list(OPERATORS),
            "sort": sort,
            "order": query.get("order", "down"),
            "total": answer.total,
            "fates": answer.fates,
            "rows": [_row(row, texts, terms) for row in answer.rows],
            "more_columns": _others(site, answer.rows, named),
            **neighbours(kept, offset, len(answer.rows), answer.total),
            "query": [pair for pair in kept if pair[0] not in ("column", "operator", "value")],
            "indexed": site.indexes.documents if site.indexes.missing else None,
            "to_index": site.indexes.total,
            "cut": MOST_HITS if hits and len(hits) >= MOST_HITS else None,
        },
    )


def _hits(site: BrowsedCorpus, asked: str, terms: list[Term]) -> list[str]:
    """Pages whose address, title or text has all terms; first the page of this very address."""
    exact = [asked, *([page_id(canonical_key(asked))] if "." in asked and " " not in asked else [])]
    conditions = " AND ".join("contains(lower(url), ?)" for _ in terms) or "false"
    by_address = site.catalogue.ask(
        f"SELECT id FROM pages WHERE id IN ({marks(exact)}) OR ({conditions})",
        [*exact, *(term.text.lower() for term in terms)],
    )
    addresses = [row["id"] for row in by_address]
    addresses.sort(key=lambda page: (page not in exact, page))
    by_words = site.indexes.search(terms) if terms else []
    return list(dict.fromkeys([*addresses, *by_words]))


def _row(row: dict[str, Any], texts: Mapping[str, str], terms: list[Term]) -> dict[str, Any]:
    text = texts.get(row["id"], "")
    return row | {"snippet": snippet(text[:_SNIPPET], terms) if text else []}


def _others(
    site: BrowsedCorpus, rows: list[dict[str, Any]], named: list[str]
) -> dict[str, dict[str, Any]]:
    """By id, the values of columns that were asked for and that no row shows by itself."""
    wanted = [name for name in dict.fromkeys(named) if name and name not in _SHOWN]
    ids = [row["id"] for row in rows]
    values: dict[str, dict[str, Any]] = {
        row["id"]: {name: row[name] for name in wanted if name in row} for row in rows
    }
    measured = [name for name in wanted if name in site.catalogue.measurements]
    if measured and ids:
        columns = ", ".join(map(quoted, measured))
        for row in site.catalogue.ask(
            f"SELECT id, {columns} FROM one_quality WHERE id IN ({marks(ids)})", ids
        ):
            values[row["id"]] |= {name: row[name] for name in measured}
    return values
