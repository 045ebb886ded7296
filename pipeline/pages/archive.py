"""Pages from archives (`source = "warc"`): nothing is copied, the fetch table points into them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.pages.crawl import Link
from pipeline.pages.outcomes import Outcome
from pipeline.pages.records import Capture
from pipeline.pages.screen import Judged, is_wanted, judge, media_type
from pipeline.pages.settings import PagesSettings
from pipeline.pages.table import Row, blank_row, write_fetches
from pipeline.store import files
from pipeline.store.addresses import canonical_key, page_id
from pipeline.store.manifest import WORK
from pipeline.store.parquet import batches
from pipeline.store.parts import Part, PartWriter, finished_part, id_range, part_name, read_ids
from pipeline.store.progress import Progress
from pipeline.store.schemas import SCHEMAS
from pipeline.store.warc import Response, Revisit, captures, payload_digest

#: A row of the fetch table, and the digest by which a revisit finds the record with the body.
_INDEX = SCHEMAS["fetches"].append(pa.field("payload", pa.string()))
_REVISIT = "revisit"  # in place of an outcome, until the record with the body is found
_STATUS = {404: Outcome.NOT_FOUND, 410: Outcome.GONE}


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
    #: First part of the name of its fetch table: scratch where a fallback writes the last one.
    table: str = "fetches"


def index_archive(archive: Archive) -> list[Part]:
    """Writes the scratch index of one archive: a row for each response, sorted by id."""
    name = f"{WORK}/index-{archive.number:05d}.parquet"
    done = finished_part(archive.folder, name, archive.key)
    if done is not None:
        return [done]
    rows = []
    with Progress(archive.folder, f"archive-{archive.number:05d}") as progress:
        for found in captures(archive.path):
            rows.append(_row(archive, found) if isinstance(found, Response) else _revisit(found))
            progress.add(0, indexed=1)
    rows.sort(key=lambda row: (row["id"], row["warc_offset"]))
    with PartWriter(archive.folder, name, _INDEX, archive.key, fingerprinted=False) as writer:
        writer.add(rows)
    return [writer.finish()]


def _row(archive: Archive, found: Response) -> Row:
    headers = tuple(found.headers.items())
    capture = Capture(found.url, found.status, headers, found.body, found.date)
    judged = _judged(found, archive.settings)
    row = capture.row(page_id(canonical_key(found.url)), found.url, judged, "warc")
    payload = payload_digest(found.body)
    return row | {"warc_file": archive.path, "warc_offset": found.offset, "payload": payload}


def _judged(found: Response, settings: PagesSettings) -> Judged:
    if found.status != 200:
        outcome = _STATUS.get(found.status, Outcome.HTTP_ERROR)
        return Judged(outcome, f"status {found.status}")
    kind = found.headers.get("content-type", "")
    if not is_wanted(kind, settings):
        return Judged(Outcome.CONTENT_TYPE, media_type(kind)[:100])
    return judge(found.body, found.headers, settings)


def _revisit(found: Revisit) -> Row:
    blank = blank_row(page_id(canonical_key(found.url)), found.url, Outcome.OK, "warc")
    return blank | {"outcome": _REVISIT, "payload": found.payload, "fetched_at": found.date}


def look_up(lookup: Lookup, links: Iterable[Link]) -> list[Part]:
    """Writes the fetch table of a range: each link's first page by (outcome, file, offset)."""
    name = part_name(lookup.number, lookup.of, lookup.table)
    done = finished_part(lookup.folder, name, lookup.key)
    if done is not None:
        return [done]
    low, high = id_range(lookup.number, lookup.of)
    found: dict[str, Row] = {}
    for index in sorted(lookup.indexes):
        for row in read_ids(files.join(lookup.folder, index), low, high).to_pylist():
            best = found.get(row["id"])
            if best is None or _order(row) < _order(best):
                found[row["id"]] = row
    _resolve(lookup, found)
    with Progress(lookup.folder, f"range-{lookup.number:05d}") as progress:
        rows = []
        for link in links:
            blank = blank_row(link.id, link.url, Outcome.NOT_IN_ARCHIVE, "warc")
            row = blank | found.get(link.id, {}) | {"url": link.url}
            row.pop("payload", None)
            rows.append(row)
            progress.add(1, **{row["outcome"]: 1})
    return [write_fetches(lookup.folder, name, lookup.key, rows)]


def _resolve(lookup: Lookup, found: dict[str, Row]) -> None:
    """Points revisits to the record that holds their body; forgets those whose body is nowhere."""
    revisits = {row["id"]: row for row in found.values() if row["outcome"] == _REVISIT}
    wanted = pa.array(sorted({row["payload"] for row in revisits.values()}), pa.string())
    bodies: dict[str, Row] = {}
    for index in sorted(lookup.indexes) if revisits else []:
        for batch in batches(files.join(lookup.folder, index)):
            for row in batch.filter(pc.is_in(batch["payload"], wanted)).to_pylist():
                best = bodies.get(row["payload"])
                if row["outcome"] != _REVISIT and (best is None or _order(row) < _order(best)):
                    bodies[row["payload"]] = row
    for identity, row in revisits.items():
        body = bodies.get(row["payload"])
        if body is None:
            del found[identity]
        else:
            own = {name: row[name] for name in ("id", "final_url", "fetched_at")}
            found[identity] = body | own


def _order(row: Row) -> tuple[int, str, int]:
    rank = {Outcome.OK.value: 0, _REVISIT: 1}.get(row["outcome"], 2)
    return rank, row["warc_file"], row["warc_offset"]
