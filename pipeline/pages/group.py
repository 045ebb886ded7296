"""One unit of the pages stage: a group of hosts, crawled into WARC segments and a fetch table."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.pages.crawl import Ended, Link, crawl
from pipeline.pages.host_lock import Turns
from pipeline.pages.journal import Journal
from pipeline.pages.outcomes import Outcome
from pipeline.pages.pace import Meter
from pipeline.pages.records import Capture, Record, page_records
from pipeline.pages.refetch import FIRST_RUN, Rerun, terms
from pipeline.pages.settings import PagesSettings
from pipeline.pages.table import deferred_before, fetched_before, write_fetches
from pipeline.store import files
from pipeline.store.manifest import WORK
from pipeline.store.parts import Part, file_part, finished_part, part_name
from pipeline.store.progress import HostPace, Progress


@dataclass(frozen=True)
class Group:
    """A group of hosts, and where what was fetched before is to be found."""

    number: int
    of: int
    folder: str
    key: str
    settings: PagesSettings
    #: Fetch tables of earlier intervals: what they have is not fetched again.
    earlier: tuple[str, ...]
    #: First part of the name of its fetch table: scratch where a fallback writes the last one.
    table: str = "fetches"
    #: Seconds since 1970 after which no page is begun: the end of the stage's budget.
    until: float = float("inf")
    #: What of the build before is fetched again.
    rerun: Rerun = FIRST_RUN


def fetch_group(group: Group, links: Iterable[Link]) -> list[Part]:
    """Ends every link of the group with one outcome; resumes where a killed run stopped."""
    name = part_name(group.number, group.of, group.table)
    done = finished_part(group.folder, name, group.key)
    prefix = f"group-{group.number:05d}-of-{group.of:05d}"
    if done is None:
        waiting = {link.id: link for link in links}
        urls = {i: link.url for i, link in waiting.items()}
        origins = ("web", "wayback") if group.settings.wayback else ("web",)
        before = dict(fetched_before(group.folder, group.earlier, urls, origins, group.rerun))
        chosen = group.settings
        size, age = chosen.segment_mb << 20, chosen.segment_minutes * 60
        hangs_on = terms(chosen, group.key)
        with Journal(group.folder, prefix, size, age, terms=hangs_on) as journal:
            rows = before | {i: row for i, row in journal.rows.items() if i in waiting}
            todo = [link for i, link in sorted(waiting.items()) if i not in rows]
            late = deferred_before(group.folder, urls)
            todo.sort(key=lambda link: link.id not in late)  # stable: those come first
            rows |= _fetch(group, todo, journal, len(rows))
            journal.finish()
        done = write_fetches(group.folder, name, group.key, rows.values())
    return [done, *(file_part(group.folder, name) for name in _archives(group, prefix))]


def _archives(group: Group, prefix: str) -> list[str]:
    """The group's segments; the first group also answers for those of an earlier division.

    When links were added and there are more groups now, rows taken over from the build
    before still point into archives that carry the old number of groups.
    """
    paths = files.listed(group.folder, "group-*.warc.gz")
    names = [path.rsplit("/", 1)[-1] for path in paths]
    return [
        name
        for name in names
        if name.startswith(f"{prefix}-")
        or (group.number == 0 and f"-of-{group.of:05d}-" not in name)
    ]


def _fetch(
    group: Group, links: list[Link], journal: Journal, known: int
) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    meter = Meter()
    with Progress(group.folder, f"group-{group.number:05d}") as progress:
        if known:
            progress.add(known)

        def ended(end: Ended) -> None:
            rows[end.link.id] = _keep(end, journal)
            meter.count(len(end.answer.body))
            progress.add(1, **{end.answer.outcome.value: 1})

        def pulse(hosts: Iterable[HostPace]) -> None:
            progress.keep_pace(meter.pace(hosts))

        if links:
            turns = Turns(Path(files.local_scratch(group.folder)) / WORK / "turns")
            crawl(links, group.settings, ended, until=group.until, turns=turns, pulse=pulse)
    return rows


def _keep(end: Ended, journal: Journal) -> dict[str, Any]:
    """Archives and logs how one link ended; returns its row."""
    now, answer = int(time.time()), end.answer
    digest = hashlib.sha256(answer.body).hexdigest() if answer.outcome == Outcome.OK else ""
    row = {
        "id": end.link.id,
        "url": end.link.url,
        "final_url": answer.final_url,
        "outcome": answer.outcome.value,
        "status": answer.status,
        "content_type": answer.header("content-type")[:200],
        "bytes": len(answer.body),
        "digest": digest,
        "warc_file": "",
        "warc_offset": -1,
        "fetched_at": now,
        "robots": end.robots,
        "attempts": end.attempts,
        "error": answer.error,
        "origin": "web",
        "charset": answer.charset,
        "charset_by": answer.charset_by,
    }
    if answer.outcome == Outcome.OK:
        journal.page(row, _records(end, now))
    else:
        journal.log(row)
    return row


def _records(end: Ended, now: int) -> list[Record]:
    """Response, request and metadata records of a page."""
    answer = end.answer
    notes = {
        "link": end.link.url,
        "id": end.link.id,
        "origin": "web",
        "robots": end.robots,
        "charset": answer.charset,
        "charset-by": answer.charset_by,
    }
    return page_records(
        Capture(
            answer.final_url,
            answer.status or 200,
            answer.headers,
            answer.body,
            now,
            answer.request,
            notes=notes,
        )
    )
