"""Archives, indexed once, and links looked up in their indexes.

Nothing is copied: the fetch table points into the archives.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.steps import Reports
from pipeline.pages.captures import Dated, dated_links
from pipeline.pages.outcomes import Outcome
from pipeline.pages.page_source import PagesRun
from pipeline.pages.records import Capture
from pipeline.pages.screen import Judged, screen_body, unknown_license
from pipeline.pages.settings import PagesSettings
from pipeline.pages.stored import screen_head
from pipeline.pages.table import Row, blank_row, write_fetches
from pipeline.store import files
from pipeline.store.addresses import canonical_key, host_of, page_id, resolve, without_port
from pipeline.store.archives import Note, Response, Revisit, captures
from pipeline.store.blocklist import AddressRules
from pipeline.store.manifest import WORK
from pipeline.store.parquet import batches
from pipeline.store.parts import (
    Part,
    PartWriter,
    finished_part,
    id_range,
    part_name,
    read_ids,
)
from pipeline.store.progress import Progress
from pipeline.store.schemas import SCHEMAS

#: A row of the fetch table, the digest by which a revisit finds the record with the body, and
#: where a redirect, or a page that sends its reader on at once, leads.
INDEX = SCHEMAS["fetches"].append(pa.field("payload", pa.string()))
INDEX = INDEX.append(pa.field("target", pa.string()))
#: In place of an outcome, until the record is found that they refer to.
_REVISIT, _REDIRECT = "revisit", "redirect"
#: What a row that points to no record holds of its place.
_NOWHERE = {"warc_file": "", "warc_offset": -1, "digest": ""}
#: Why a body is not all of it, where that is its size (WARC 1.1, 5.13).
_BY_SIZE = "length"


@dataclass(frozen=True)
class Archive:
    """One archive to index."""

    path: str
    number: int
    folder: str
    key: str
    settings: PagesSettings


@dataclass(frozen=True)
class Lookup:
    """A range of ids to look up in the indexes."""

    number: int
    of: int
    folder: str
    key: str
    indexes: tuple[str, ...]
    settings: PagesSettings
    #: Hold for what links redirect to.
    rules: AddressRules
    #: First part of the name of its fetch table: scratch where a fallback writes the last one.
    table: str = "fetches"


def index_archive(archive: Archive) -> list[Part]:
    """Writes the scratch index of one archive: a row for each response, sorted by id."""
    name = f"{WORK}/index-{archive.number:05d}.parquet"
    done = finished_part(archive.folder, name, archive.key)
    if done is not None:
        return [done]
    rows: list[Row] = []
    with Progress(archive.folder, f"archive-{archive.number:05d}") as progress:
        for capture in captures(archive.path, archive.settings.max_bytes):
            if isinstance(capture, Response):
                rows.append(_row(archive, capture))
            elif isinstance(capture, Revisit):
                row = blank_row(_id(capture.url), capture.url, Outcome.OK, "warc")
                own = {"payload": capture.payload, "fetched_at": capture.date, "target": ""}
                rows.append(row | own | {"outcome": _REVISIT})
            else:
                rows += _alias(capture)
            progress.add(0, indexed=1)
    rows.sort(key=lambda row: (row["id"], row["fetched_at"], row["warc_offset"]))
    with PartWriter(archive.folder, name, INDEX, archive.key, fingerprinted=False) as writer:
        writer.add(rows)
    return [writer.finish()]


def _id(url: str) -> str:
    return page_id(canonical_key(url))


def _alias(note: Note) -> list[Row]:
    """Our own crawl notes of a page which link led to it; once it kept no redirects."""
    link, identity = note.fields.get("link", ""), note.fields.get("id", "")
    if not link or identity == _id(note.url):
        return []
    row = blank_row(identity, link, Outcome.OK, "warc")
    own = {"outcome": _REDIRECT, "payload": "", "target": note.url, "fetched_at": note.date}
    return [row | own]


def _row(archive: Archive, response: Response) -> Row:
    judged, target = _judged(response, archive.settings), ""
    location = response.headers.values("location")
    if 300 <= response.status < 400 and location:
        target = resolve(response.url, location[0]) or ""
    elif judged.refresh:
        target = judged.refresh
    capture = Capture(response.url, response.status, response.headers, response.body, response.date)
    row = capture.row(_id(response.url), response.url, judged, "warc")
    where = {"warc_file": archive.path, "warc_offset": response.offset}
    # From http:// to https:// of one page is no way to another.
    target = "" if _id(target) == row["id"] else target
    row |= where | {"payload": response.payload, "target": target}
    return row | {"outcome": _REDIRECT} if target and judged.outcome != Outcome.OK else row


def _judged(response: Response, settings: PagesSettings) -> Judged:
    unread = screen_head(response.status, response.headers, settings)
    if unread is not None:
        return unread
    if response.truncated == _BY_SIZE:
        return Judged(Outcome.TOO_LARGE, "cut by its archive")
    judged = screen_body(response.url, response.headers, response.body, settings, unknown_license)
    if judged.outcome == Outcome.OK and response.truncated and not judged.closed:
        return Judged(Outcome.BAD_RECORD, f"cut by its archive: {response.truncated[:100]}")
    return judged


def look_up(lookup: Lookup, links: Iterable[Dated]) -> list[Part]:
    """Writes the fetch table of a range: of each link the capture nearest to its day."""
    name = part_name(lookup.number, lookup.of, lookup.table)
    done = finished_part(lookup.folder, name, lookup.key)
    if done is not None:
        return [done]
    rows, others = _follow(lookup, list(links))
    _resolve(lookup, rows, others)
    with Progress(lookup.folder, f"range-{lookup.number:05d}") as progress:
        for row in rows.values():
            del row["payload"], row["target"]
            progress.add(1, **{row["outcome"]: 1})
    return [write_fetches(lookup.folder, name, lookup.key, rows.values())]


def _follow(lookup: Lookup, links: list[Dated]) -> tuple[dict[str, Row], dict[str, Row]]:
    """The row at the end of each link's redirects, by the link's id.

    And captures of pages on the way, for where what was nearest in time leads nowhere: it
    redirects to a page that no archive has, or stands for a body that none has.
    """
    ended: dict[str, Row] = {}
    others: dict[str, Row] = {}
    standing = {link.id: (link, link.id) for link in links}
    low, high = id_range(lookup.number, lookup.of)
    for hop in range(lookup.settings.max_redirects + 1):
        wanted = {identity for _, identity in standing.values()}
        between = ("", "g") if hop else (low, high)
        rows = _index_rows(lookup, wanted, *between)
        onward: dict[str, tuple[Dated, str]] = {}
        for link, identity in standing.values():
            captured = rows.get(identity, [])
            row = _nearest(captured, link.first_seen)
            if other := _nearest(filter(_has_body, captured), link.first_seen):
                others[link.id] = other
            target = row["target"] if row else ""
            if row is None or not target:
                last = row or others.get(link.id) or _missing(link, hop)
                ended[link.id] = _own(last, link)
            elif reason := lookup.rules.reason_to_drop(target, without_port(host_of(target))):
                off = {"outcome": Outcome.OFF_LIMITS.value, "error": f"{reason}: {target}"}
                ended[link.id] = _own(row, link) | off | _NOWHERE
            else:
                onward[link.id] = link, _id(target)
        standing = onward
    for link, _ in standing.values():
        ended[link.id] = _own(blank_row("", "", Outcome.REDIRECT_LOOP, "warc"), link) | _NOWHERE
    return ended, others


def _index_rows(lookup: Lookup, wanted: set[str], low: str, high: str) -> dict[str, list[Row]]:
    """The rows of some ids between two others, by id."""
    rows: dict[str, list[Row]] = {}
    ids = pa.array(sorted(wanted), pa.string())
    for index in sorted(lookup.indexes) if wanted else []:
        table = read_ids(files.join(lookup.folder, index), low, high)
        for row in table.filter(pc.is_in(table["id"], ids)).to_pylist():
            rows.setdefault(row["id"], []).append(row)
    return rows


def _nearest(rows: Iterable[Row], when: int) -> Row | None:
    """The capture of a page nearest to a day, the newest for `when` = 0; then any other answer."""
    return min(
        rows,
        key=lambda row: (
            not _is_page(row),
            abs(row["fetched_at"] - when) if when else -row["fetched_at"],
            row["warc_file"],
            row["warc_offset"],
        ),
        default=None,
    )


def _is_page(row: Row) -> bool:
    """Whether a row is of a page, of a redirect to one, or of one that may not be used."""
    outcome = row["outcome"]
    return outcome in (Outcome.OK, _REVISIT, _REDIRECT) or outcome.startswith("opt_out")


def _has_body(row: Row) -> bool:
    """Whether a row is of a page whose record holds its body."""
    return _is_page(row) and row["outcome"] not in (_REVISIT, _REDIRECT)


def _missing(link: Dated, hops: int) -> Row:
    row = blank_row(link.id, link.url, Outcome.NOT_IN_ARCHIVE, "warc")
    return row | {"error": "it redirects to a page that no archive has"} if hops else row


def _own(row: Row, link: Dated) -> Row:
    """A row of the index as that of a link."""
    blank = {"payload": "", "target": ""}
    return blank | row | {"id": link.id, "url": link.url}


def _resolve(lookup: Lookup, rows: dict[str, Row], others: dict[str, Row]) -> None:
    """Points revisits to the record that holds their body, or else to another of their page."""
    revisits = {identity: row for identity, row in rows.items() if row["outcome"] == _REVISIT}
    wanted = pa.array(sorted({row["payload"] for row in revisits.values()}), pa.string())
    bodies: dict[str, Row] = {}
    for index in sorted(lookup.indexes) if revisits else []:
        for batch in batches(files.join(lookup.folder, index)):
            for row in batch.filter(pc.is_in(batch["payload"], wanted)).to_pylist():
                best = bodies.get(row["payload"])
                held = row["outcome"] not in (_REVISIT, _REDIRECT)
                if held and (best is None or _order(row) < _order(best)):
                    bodies[row["payload"]] = row
    for identity, row in revisits.items():
        body = bodies.get(row["payload"])
        own = {name: row[name] for name in ("id", "url", "final_url", "fetched_at")}
        if body is None and identity in others:
            body, own = others[identity], {name: row[name] for name in ("id", "url")}
        elif body is None:
            body = blank_row(identity, row["url"], Outcome.NOT_IN_ARCHIVE, "warc")
            body |= {"payload": "", "target": "", "error": "no archive has the body it refers to"}
        rows[identity] = body | own


def _order(row: Row) -> tuple[bool, str, int]:
    return row["outcome"] != Outcome.OK, row["warc_file"], row["warc_offset"]


def plan_look_ups(
    run: PagesRun, settings: PagesSettings, indexes: Reports
) -> list[tuple[Lookup, str]]:
    """A look-up for each part of the links stage, which holds the range of its number."""
    names = tuple(sorted(part.file.name for part in indexes if part.file))
    of = len(run.links)
    return [
        (Lookup(n, of, run.folder, run.key, names, settings, run.rules, run.table), path)
        for n, path in enumerate(run.links)
    ]


def look_up_part(planned: tuple[Lookup, str]) -> list[Part]:
    """Looks up the links of one part."""
    lookup, path = planned
    return look_up(lookup, dated_links(path))
