"""Pages from archives (`source = "warc"`): nothing is copied, the fetch table points into them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipeline import files
from pipeline.corpus import WORK, page_id
from pipeline.links.urls import canonical_key
from pipeline.pages.crawl import Link
from pipeline.pages.outcomes import Outcome
from pipeline.pages.table import blank_row, write_fetches
from pipeline.pages.warc import Response, responses
from pipeline.parts import Part, PartWriter, finished_part, id_range, part_name, read_ids
from pipeline.progress import Progress

_INDEX = pa.schema(
    [
        ("id", pa.string()),
        ("final_url", pa.string()),
        ("outcome", pa.string()),
        ("status", pa.int32()),
        ("content_type", pa.string()),
        ("bytes", pa.int64()),
        ("digest", pa.string()),
        ("warc_file", pa.string()),
        ("warc_offset", pa.int64()),
        ("fetched_at", pa.int64()),
    ]
)
_STATUS = {200: Outcome.OK, 404: Outcome.NOT_FOUND, 410: Outcome.GONE}


@dataclass(frozen=True)
class Archive:
    """One archive to index."""

    path: str
    number: int
    folder: str
    key: str


@dataclass(frozen=True)
class Lookup:
    """A range of ids to look up in the indexes."""

    number: int
    of: int
    folder: str
    key: str
    indexes: tuple[str, ...]


def index_archive(archive: Archive) -> list[Part]:
    """Writes the scratch index of one archive: a row for each response, sorted by id."""
    name = f"{WORK}/index-{archive.number:05d}.parquet"
    done = finished_part(archive.folder, name, archive.key)
    if done is not None:
        return [done]
    rows = []
    with Progress(archive.folder, f"archive-{archive.number:05d}") as progress:
        for response in responses(archive.path):
            rows.append(_row(archive.path, response))
            progress.add(0, indexed=1)
    rows.sort(key=lambda row: (row["id"], row["warc_offset"]))
    with PartWriter(archive.folder, name, _INDEX, archive.key, said=False) as writer:
        writer.add(rows)
    assert writer.part is not None
    return [writer.part]


def _row(path: str, response: Response) -> dict[str, Any]:
    return {
        "id": page_id(canonical_key(response.url)),
        "final_url": response.url,
        "outcome": _STATUS.get(response.status, Outcome.HTTP_ERROR).value,
        "status": response.status,
        "content_type": response.headers.get("content-type", "")[:200],
        "bytes": len(response.body),
        "digest": hashlib.sha256(response.body).hexdigest(),
        "warc_file": path,
        "warc_offset": response.offset,
        "fetched_at": response.date,
    }


def look_up(lookup: Lookup, links: Iterable[Link]) -> list[Part]:
    """Writes the fetch table of a range: each link's first page by (outcome, file, offset)."""
    name = part_name(lookup.number, lookup.of, "fetches")
    done = finished_part(lookup.folder, name, lookup.key)
    if done is not None:
        return [done]
    low, high = id_range(lookup.number, lookup.of)
    found: dict[str, dict[str, Any]] = {}
    for index in sorted(lookup.indexes):
        for row in read_ids(files.join(lookup.folder, index), low, high).to_pylist():
            best = found.get(row["id"])
            if best is None or _order(row) < _order(best):
                found[row["id"]] = row
    with Progress(lookup.folder, f"range-{lookup.number:05d}") as progress:
        rows = []
        for link in links:
            blank = blank_row(link.id, link.url, Outcome.NOT_IN_ARCHIVE)
            rows.append(blank | found.get(link.id, {}))
            progress.add(1, **{rows[-1]["outcome"]: 1})
    return [write_fetches(lookup.folder, name, lookup.key, rows)]


def _order(row: dict[str, Any]) -> tuple[bool, str, int]:
    return row["outcome"] != Outcome.OK, row["warc_file"], row["warc_offset"]
