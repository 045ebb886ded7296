"""Duplicates: what was removed for what, and both texts side by side."""

from __future__ import annotations

from multidict import MultiMapping

from pipeline.browse.differences import MOST_CHARACTERS, differences
from pipeline.browse.site import BrowsedCorpus, NotThereError, View
from pipeline.browse.turning import ROWS, neighbours, offset_of

#: What a list of duplicates begins with.
_ORDERS = {
    "least similar": "d.similarity, d.id",
    "most similar": "d.similarity DESC, d.id",
    "largest clusters": "cluster DESC, d.kept_id, d.similarity, d.id",
}


def duplicate_list(site: BrowsedCorpus, query: MultiMapping[str], _: str) -> View:
    """Removed pages with the page that each was removed for."""
    order = query.get("by", "")
    order = order if order in _ORDERS else "least similar"
    offset = offset_of(query)
    rows = site.catalogue.ask(
        "SELECT d.id, d.kept_id, d.kind, d.similarity, d.elsewhere, p.url, p.title, k.url AS kept, "
        "count(*) OVER (PARTITION BY coalesce(d.kept_id, d.elsewhere)) AS cluster "
        "FROM dedup d LEFT JOIN pages p ON p.id = d.id LEFT JOIN pages k ON k.id = d.kept_id "
        f"ORDER BY {_ORDERS[order]} LIMIT {ROWS} OFFSET ?",
        [offset],
    )
    kinds = site.catalogue.ask(
        "SELECT kind, count(*) AS n FROM dedup GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    total = sum(row["n"] for row in kinds)
    return View(
        "duplicates.html",
        {
            "title": "Duplicates",
            "rows": rows,
            "orders": list(_ORDERS),
            "order": order,
            "kinds": kinds,
            "total": total,
            **neighbours([("by", order)], offset, len(rows), total),
        },
    )


def pair(site: BrowsedCorpus, query: MultiMapping[str], name: str) -> View:
    """A removed page beside the one that was kept, with what differs marked."""
    rows = site.catalogue.ask(
        "SELECT * FROM dedup WHERE id = ? ORDER BY interval DESC LIMIT 1", [name]
    )
    if not rows:
        raise NotThereError(f"Page {name} was not removed as a duplicate", "See the list of them")
    row = rows[0]
    removed, kept = (site.catalogue.page(page) if page else None for page in (name, row["kept_id"]))
    texts = site.catalogue.texts([page["id"] for page in (removed, kept) if page])
    one, other = (texts.get(page["id"], "") if page else "" for page in (removed, kept))
    ours, theirs = differences(one, other) if kept else ([], [])
    return View(
        "pair.html",
        {
            "title": "Duplicate",
            "row": row,
            "sides": [("Removed", removed, ours, "del"), ("Kept", kept, theirs, "ins")],
            "cut": MOST_CHARACTERS if max(len(one), len(other)) > MOST_CHARACTERS else 0,
            "differing": [sum(len(p.text.split()) for p in x if p.marked) for x in (ours, theirs)],
        },
    )
