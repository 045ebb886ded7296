"""One unit of the pages stage: a group of hosts, crawled into WARC segments and a fetch table."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from pipeline import files
from pipeline.corpus import SCHEMAS, VOLATILE
from pipeline.pages import warc
from pipeline.pages.crawl import Ended, Link, crawl
from pipeline.pages.journal import Journal
from pipeline.pages.outcomes import TRANSIENT, Outcome
from pipeline.pages.settings import PagesSettings
from pipeline.parts import Part, PartWriter, file_part, finished_part, part_name
from pipeline.progress import Progress


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


def fetch_group(group: Group, links: Iterable[Link]) -> list[Part]:
    """Ends every link of the group with one outcome; resumes where a killed run stopped."""
    name = part_name(group.number, group.of, "fetches")
    done = finished_part(group.folder, name, group.key)
    prefix = f"group-{group.number:05d}-of-{group.of:05d}"
    if done is None:
        waiting = {link.id: link for link in links}
        before = dict(_fetched_before(group, waiting))
        with Journal(group.folder, prefix, group.settings.segment_mb << 20) as journal:
            rows = before | {i: row for i, row in journal.rows.items() if i in waiting}
            todo = [link for i, link in sorted(waiting.items()) if i not in rows]
            rows |= _fetch(group, todo, journal)
            journal.finish()
        done = _write(group, name, rows)
    return [done, *(file_part(group.folder, name) for name in _archives(group, prefix))]


def _archives(group: Group, prefix: str) -> list[str]:
    """The group's segments; the first group also answers for those of an earlier division.

    When links were added and there are more groups now, rows taken over from the build
    before still point into archives that carry the old number of groups.
    """
    paths = files.glob(files.join(group.folder, "group-*.warc.gz"))
    names = [path.rsplit("/", 1)[-1] for path in paths]
    return [
        name
        for name in names
        if name.startswith(f"{prefix}-")
        or (group.number == 0 and f"-of-{group.of:05d}-" not in name)
    ]


def _fetch(group: Group, links: list[Link], journal: Journal) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    with Progress(group.folder, f"group-{group.number:05d}") as progress:
        if journal.rows:
            progress.add(len(journal.rows))

        def ended(end: Ended) -> None:
            rows[end.link.id] = _keep(end, journal)
            progress.add(1, **{end.answer.outcome.value: 1})

        if links:
            crawl(links, group.settings, ended)
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
    }
    if answer.outcome == Outcome.OK:
        journal.page(row, _records(end, now), digest)
    else:
        journal.log(row)
    return row


def _records(end: Ended, now: int) -> list[tuple[str, dict[str, str], bytes]]:
    """Response, request and metadata records of a page."""
    answer = end.answer
    response = warc.record_id()
    common = {"WARC-Target-URI": answer.final_url, "WARC-Date": warc.warc_date(now)}
    lines = [f"{name}: {value}" for name, value in answer.request]
    asked = "\r\n".join([f"GET {answer.final_url} HTTP/1.1", *lines]).encode() + b"\r\n\r\n"
    notes = {"link": end.link.url, "id": end.link.id, "robots": end.robots}
    noted = "".join(f"{name}: {value}\r\n" for name, value in notes.items()).encode()
    beside = {"WARC-Concurrent-To": response}
    return [
        (
            "response",
            {
                **common,
                "WARC-Record-ID": response,
                "WARC-Payload-Digest": warc.payload_digest(answer.body),
                "Content-Type": "application/http; msgtype=response",
            },
            warc.http_block(answer.status or 200, answer.headers, answer.body),
        ),
        (
            "request",
            {
                **common,
                "WARC-Record-ID": warc.record_id(),
                **beside,
                "Content-Type": "application/http; msgtype=request",
            },
            asked,
        ),
        (
            "metadata",
            {
                **common,
                "WARC-Record-ID": warc.record_id(),
                **beside,
                "Content-Type": "application/warc-fields",
            },
            noted,
        ),
    ]


def _fetched_before(group: Group, waiting: dict[str, Link]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(id, row) of links that need no fetching: of earlier intervals, or an earlier build."""
    for path in group.earlier:
        for row in _rows_of(path, waiting):
            if row["outcome"] == Outcome.OK:
                link = waiting[row["id"]]
                yield row["id"], blank_row(link.id, link.url, Outcome.SEEN_BEFORE)
    for path in files.glob(files.join(group.folder, "fetches-*.parquet")):
        for row in _rows_of(path, waiting):
            if row["outcome"] not in TRANSIENT and row["url"] == waiting[row["id"]].url:
                yield row["id"], row


def _rows_of(path: str, waiting: dict[str, Link]) -> Iterator[dict[str, Any]]:
    with files.open_read(path) as stream:
        for batch in pq.ParquetFile(stream).iter_batches():
            yield from (row for row in batch.to_pylist() if row["id"] in waiting)


def blank_row(link_id: str, url: str, outcome: Outcome) -> dict[str, Any]:
    """The row of a link for which nothing was asked of the network."""
    return {
        "id": link_id,
        "url": url,
        "final_url": url,
        "outcome": outcome.value,
        "status": None,
        "content_type": "",
        "bytes": 0,
        "digest": "",
        "warc_file": "",
        "warc_offset": -1,
        "fetched_at": 0,
        "robots": "",
        "attempts": 0,
        "error": "",
    }


def _write(group: Group, name: str, rows: dict[str, dict[str, Any]]) -> Part:
    return write_fetches(group.folder, name, group.key, rows.values())


def write_fetches(folder: str, name: str, key: str, rows: Iterable[dict[str, Any]]) -> Part:
    """Writes a fetch table, sorted by id, with the counts by outcome."""
    volatile = VOLATILE["fetches"]
    with PartWriter(folder, name, SCHEMAS["fetches"], key, volatile=volatile) as writer:
        for row in sorted(rows, key=lambda row: str(row["id"])):
            if row["outcome"] == Outcome.OK:
                writer.counts.keep()
            else:
                writer.counts.drop(row["outcome"])
            writer.add([row])
    assert writer.part is not None
    return writer.part
