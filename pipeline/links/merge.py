"""Merging of the links stage: all mentions of a range of ids -> the links of that range."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.links.months import count_month
from pipeline.links.rules import Rules
from pipeline.links.settings import LinksSettings
from pipeline.store import files
from pipeline.store.addresses import has_tracker
from pipeline.store.parquet import batches
from pipeline.store.parts import Part, PartWriter, finished_part, id_range, part_name, read_ids
from pipeline.store.schemas import SCHEMAS
from pipeline.store.takedown import NOTHING, Takedown

#: Why a link is left out that `webtext forget` was told of.
FORGOTTEN = "forgotten"
#: Mentions for one part; some 50,000 links, which the later stages take as one piece of work.
MENTIONS_A_PART = 100_000


@dataclass(frozen=True)
class Range:
    """One part to write: its number, and the scratch files to read its ids from."""

    number: int
    of: int
    mentions: tuple[str, ...]
    threads: tuple[str, ...]
    folder: str
    key: str
    settings: LinksSettings
    #: Pages that the corpus forgot (`webtext forget`).
    forgotten: Takedown = NOTHING


def merge_range(part: Range) -> list[Part]:
    """Writes the links of one range of ids; returns the report with the counts by reason."""
    name = part_name(part.number, part.of)
    done = finished_part(part.folder, name, part.key)
    if done is not None:
        return [done]
    rules = Rules(part.settings)
    with PartWriter(part.folder, name, SCHEMAS["links"], part.key) as writer:
        rows = _read(part)
        blocked = _threads_over_18(part, {row["thread"] for row in rows if row["thread"]})
        counted = [row for row in rows if row["thread"] not in blocked]
        writer.extra["comments_over_18"] = len(rows) - len(counted)
        for _, mentions in groupby(counted, key=lambda row: row["id"]):
            _write(list(mentions), rules, part.forgotten, writer)
    return [writer.finish()]


def decide(mentions: list[dict[str, Any]], rules: Rules) -> tuple[dict[str, Any], str | None]:
    """The link of all mentions of a page, and why the rules drop it (None: it is kept)."""
    uncounted = [reason for mention in mentions if (reason := rules.uncounted(mention))]
    link = make_link(mentions, rules)
    none_counts = uncounted if len(uncounted) == len(mentions) else []
    return link, rules.why_dropped(link["url"], link["host"], link["karma"], none_counts)


def _write(
    mentions: list[dict[str, Any]], rules: Rules, forgotten: Takedown, writer: PartWriter
) -> None:
    link, reason = decide(mentions, rules)
    if reason is None and forgotten:
        posted = (mention["reddit_id"] for mention in link["mentions"])
        if forgotten.entry_for(link["id"], link["url"], posted):
            reason = FORGOTTEN
    if reason is None:
        writer.counts.keep()
        writer.add([link])
    else:
        writer.counts.drop(reason)
    if reason in (None, "min_karma") and link["karma"] is not None:
        seen = link["first_seen"]
        month = datetime.fromtimestamp(seen, UTC).strftime("%Y-%m") if seen else "unknown"
        count_month(writer.extra, month, reason is None)


def make_link(mentions: list[dict[str, Any]], rules: Rules) -> dict[str, Any]:
    """One link of all its mentions; the same whatever their order.

    The address fetched is one without trackers if there is any, then the most mentioned
    one (https before http, then shorter, then by text).  A post that is there twice (in
    two sources) counts once, by its highest score.  Karma is None when the page is on a
    list without scores: someone chose it.
    """
    mentions = sorted(mentions, key=_order)
    unique = list({(m["kind"], m["reddit_id"], m["url"]): m for m in mentions}.values())
    urls = Counter(m["url"] for m in unique)
    url = min(urls, key=lambda u: (has_tracker(u), -urls[u], not u.startswith("https"), len(u), u))
    listed = [m for m in mentions if m["kind"] == "list"]
    posted = {(m["kind"], m["reddit_id"]): m for m in mentions if m["kind"] != "list"}
    merged = sorted([*posted.values(), *listed], key=_order)
    times = [m["created"] for m in merged if m["created"] > 0]
    return {
        "id": mentions[0]["id"],
        "key": mentions[0]["key"],
        "url": url,
        "host": next(m["host"] for m in unique if m["url"] == url),
        "karma": rules.karma(m["score"] for m in merged if rules.uncounted(m) is None),
        "first_seen": min(times, default=None),
        "mentions": [
            {name: m[name] for name in ("kind", "reddit_id", "subreddit", "score", "created")}
            for m in merged
        ],
    }


def _threads_over_18(part: Range, posts: set[str]) -> set[str]:
    """Which of `posts` are marked as over 18; streams the scratch files."""
    wanted, marked = pa.array(sorted(posts), pa.string()), set[str]()
    for name in part.threads if posts else ():
        for batch in batches(files.join(part.folder, name), ["id"]):
            column = batch.column("id")
            marked.update(column.filter(pc.is_in(column, wanted)).to_pylist())
    return marked


def _order(mention: dict[str, Any]) -> tuple[Any, ...]:
    score = mention["score"]
    first = (mention["created"], mention["kind"], mention["reddit_id"])
    return (*first, score is not None, score or 0, mention["subreddit"], mention["url"])


def _read(part: Range) -> list[dict[str, Any]]:
    low, high = id_range(part.number, part.of)
    rows: list[dict[str, Any]] = []
    for name in sorted(part.mentions):
        rows += read_ids(files.join(part.folder, name), low, high).to_pylist()
    rows.sort(key=lambda row: row["id"])
    return rows
