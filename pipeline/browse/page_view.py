"""One page: its text beside what was archived, what was left out, its life as `why` tells it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from multidict import MultiMapping

from pipeline.browse.archived import MOST_CHARACTERS, fetch_of
from pipeline.browse.site import BrowsedCorpus, NotThereError, View
from pipeline.browse.terms import mark, read_terms
from pipeline.store.cuts import Span, joined
from pipeline.store.own_texts import name_in
from pipeline.views.cell import cell
from pipeline.views.why import Life, life_of


def page_view(site: BrowsedCorpus, query: MultiMapping[str], name: str) -> View:
    """The page of an id; `q` marks what was searched for."""
    row = site.catalogue.page(name)
    if row is None:
        raise NotThereError(f"No page of this corpus has the id {name}", "Search for its address")
    text = site.catalogue.texts([name]).get(name, "")
    life = life_of(site.corpus, name)
    terms = read_terms(query.get("q", ""))
    return View(
        "page.html",
        {
            "title": row["title"] or name_in(row["url"]) or row["url"],
            "page": row,
            "pieces": [
                (mark(piece, terms), out)
                for piece, out in in_pieces(text[:MOST_CHARACTERS], _left_out(site, row))
            ],
            "cut": max(0, len(text) - MOST_CHARACTERS),
            "steps": [(title, interval, _told(title, row)) for title, interval, row in life.steps],
            "archived": fetch_of(site.catalogue, name) is not None,
            "duplicates": _duplicates(site, row),
            "tokens": _tokens(life),
        },
    )


def in_pieces(text: str, spans: Iterable[Span]) -> list[tuple[str, bool]]:
    """A text in pieces, with whether each is left out; `spans` are those that are, in order."""
    pieces, end = [], 0
    for start, stop in spans:
        pieces += [(text[end:start], False), (text[start:stop], True)]
        end = stop
    return [piece for piece in (*pieces, (text[end:], False)) if piece[0]]


def _left_out(site: BrowsedCorpus, row: dict[str, Any]) -> list[Span]:
    spans: list[Span] = []
    for table in ("cuts", "passages"):
        found = site.catalogue.ask(
            f"SELECT start, stop FROM {table} WHERE id = ? AND interval = ?",
            [row["id"], row["interval"]],
        )
        spans += [(one["start"], one["stop"]) for one in found]
    return joined(spans)


def _told(title: str, row: dict[str, Any]) -> list[tuple[str, str]]:
    """What a step recorded, as text; the text itself stands elsewhere on the page."""
    hidden = {"id", "text"} if title == "document" else {"id"}
    return [(name, cell(name, value)) for name, value in row.items() if name not in hidden]


def _duplicates(site: BrowsedCorpus, row: dict[str, Any]) -> list[dict[str, Any]]:
    """The page that this one was removed for, and those removed for it; fifty at most."""
    return site.catalogue.ask(
        "SELECT d.id AS removed, d.kept_id AS kept, d.kind, d.similarity, d.elsewhere, p.id, "
        "p.url, p.title FROM dedup d LEFT JOIN pages p ON p.id = CASE WHEN d.id = $1 "
        "THEN d.kept_id ELSE d.id END WHERE d.id = $1 OR d.kept_id = $1 "
        "ORDER BY d.similarity DESC, d.id LIMIT 50",
        [row["id"]],
    )


def _tokens(life: Life) -> list[dict[str, Any]]:
    """Where the tokens of the page lie: tokenizer and interval, shard, start, length."""
    rows = [(interval, row) for title, interval, row in life.steps if title == "tokens"]
    return [row | {"interval": interval} for interval, row in rows]
