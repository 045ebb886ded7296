"""Step two of the links stage: all mentions of a range of ids -> the links of that range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from pipeline import files
from pipeline.corpus import SCHEMAS
from pipeline.links.blocklist import reason_to_drop
from pipeline.links.settings import LinksSettings
from pipeline.links.urls import has_tracker
from pipeline.parts import Part, PartWriter, finished_part, id_range, part_name, read_ids


@dataclass(frozen=True)
class Range:
    """One part to write: its number, and the scratch files to read its ids from."""

    number: int
    of: int
    mentions: tuple[str, ...]
    folder: str
    key: str
    settings: LinksSettings


def merge_range(part: Range) -> list[Part]:
    """Writes the links of one range of ids; returns the report with the counts by reason."""
    name = part_name(part.number, part.of)
    done = finished_part(part.folder, name, part.key)
    if done is not None:
        return [done]
    rows = _read(part)
    with PartWriter(part.folder, name, SCHEMAS["links"], part.key) as writer:
        for _, mentions in groupby(rows, key=lambda row: row["id"]):
            link = make_link(list(mentions), part.settings)
            reason = why_dropped(link, part.settings)
            if reason is None:
                writer.counts.keep()
                writer.add([link])
            else:
                writer.counts.drop(reason)
    assert writer.part is not None
    return [writer.part]


def make_link(mentions: list[dict[str, Any]], settings: LinksSettings) -> dict[str, Any]:
    """One link of all its mentions; the same whatever their order.

    The address fetched is one without trackers if there is any, then the most mentioned
    one (https before http, then shorter, then by text).  Karma is None when the page is
    on a list without scores: someone chose it.
    """
    mentions = sorted(mentions, key=_order)
    unique = list({(m["kind"], m["reddit_id"], m["url"]): m for m in mentions}.values())
    urls = [m["url"] for m in unique]
    url = min(
        set(urls),
        key=lambda u: (has_tracker(u), -urls.count(u), not u.startswith("https"), len(u), u),
    )
    by_id = {(m["kind"], m["reddit_id"]): m for m in unique}
    scores = [m["score"] for m in by_id.values()]
    chosen = any(score is None for score in scores)
    known = [score for score in scores if score is not None]
    karma = None if chosen else (max(known) if settings.karma_rule == "max" else sum(known))
    times = [m["created"] for m in unique if m["created"] > 0]
    return {
        "id": mentions[0]["id"],
        "key": mentions[0]["key"],
        "url": url,
        "host": next(m["host"] for m in unique if m["url"] == url),
        "karma": karma,
        "first_seen": min(times, default=None),
        "mentions": [
            {name: m[name] for name in ("kind", "reddit_id", "subreddit", "score", "created")}
            for m in by_id.values()
        ],
    }


def why_dropped(link: dict[str, Any], settings: LinksSettings) -> str | None:
    """The reason to drop a link, None to keep it: kind of address first, then karma."""
    if not link["url"]:
        return "no_address"
    reason = reason_to_drop(link["url"])
    if reason is not None:
        return reason
    too_low = link["karma"] is not None and link["karma"] < settings.min_karma
    return "min_karma" if too_low else None


def _order(mention: dict[str, Any]) -> tuple[Any, ...]:
    return (mention["created"], mention["kind"], mention["reddit_id"], mention["url"])


def _read(part: Range) -> Iterator[dict[str, Any]]:
    low, high = id_range(part.number, part.of)
    rows: list[dict[str, Any]] = []
    for name in sorted(part.mentions):
        rows += read_ids(files.join(part.folder, name), low, high).to_pylist()
    rows.sort(key=lambda row: row["id"])
    return iter(rows)
