"""One unit of the documents stage: a range of an archive's pages, judged and written as a part.

A unit reads its pages in the order of the archive and writes two tables sorted by id:
the documents (`part-…`) and one row for each page that gave none (`_drops-…`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from pipeline.documents.child import borrowed
from pipeline.documents.page import Page, Verdict
from pipeline.documents.read import Fetch, read_pages
from pipeline.documents.settings import DocumentsSettings
from pipeline.documents.sort import FETCHED
from pipeline.store import files
from pipeline.store.parquet import read_table
from pipeline.store.parts import Part, PartWriter, finished_part, part_name
from pipeline.store.progress import Progress
from pipeline.store.schemas import SCHEMAS, VOLATILE


@dataclass(frozen=True)
class Unit:
    """Piece `piece` of one fetch table, whose sorted pages are in the scratch table `fetched`."""

    fetched: str
    pages_folder: str
    piece: int
    folder: str
    number: int
    of: int
    work_key: str
    settings: DocumentsSettings


def make(unit: Unit) -> list[Part]:
    """Judges the pages of a unit and writes its two tables."""
    kept_name = part_name(unit.number, unit.of)
    dropped_name = part_name(unit.number, unit.of, "_drops")
    kept = finished_part(unit.folder, kept_name, unit.work_key)
    dropped = finished_part(unit.folder, dropped_name, unit.work_key)
    if kept and dropped:
        return [kept, dropped]
    documents: list[dict[str, Any]] = []
    drops: list[dict[str, Any]] = []
    with Progress(unit.folder, f"unit-{unit.number:05d}") as progress:
        for fetch, verdict in _verdicts(unit):
            if verdict.outcome == "ok":
                documents.append(_document(fetch, verdict))
            else:
                drops.append(_drop(fetch, verdict))
            progress.add(1, **{verdict.outcome: 1})
    return [
        _write(unit, kept_name, "documents", documents, drops),
        _write(unit, dropped_name, "drops", drops, []),
    ]


def fetches_of(unit: Unit) -> list[Fetch]:
    """The rows of a unit: fetched pages, in the order in which they lie in their archives.

    A piece is a run of neighbours, so an archive is read forwards.
    """
    path = files.join(unit.folder, unit.fetched)
    rows: list[Fetch] = read_table(path, FETCHED.names, [("piece", "=", unit.piece)]).to_pylist()
    return rows


def _verdicts(unit: Unit) -> Iterator[tuple[Fetch, Verdict]]:
    settings = unit.settings
    with borrowed(settings) as worker:
        for fetch, body, failed in read_pages(
            unit.pages_folder, fetches_of(unit), settings.max_bytes
        ):
            if failed:
                yield fetch, Verdict(failed)
            else:
                kind = fetch["content_type"] or ""
                page = Page(fetch["url"], body, kind, _day(fetch["fetched_at"]))
                yield fetch, worker.ask(page)


def _day(seconds: int | None) -> date:
    return datetime.fromtimestamp(seconds, UTC).date() if seconds else date.max


def _document(fetch: Fetch, verdict: Verdict) -> dict[str, Any]:
    document = verdict.document
    return {
        "id": fetch["id"],
        "url": fetch["url"],
        "title": document.title,
        "date": document.date,
        "language": verdict.language,
        "language_score": verdict.language_score,
        "text": document.text,
        "chars": len(document.text),
        "words": int(verdict.value),
        "digest": hashlib.sha256(document.text.encode()).hexdigest(),
        "outcome": verdict.outcome,
        "canonical": document.canonical,
        "extractor": document.extractor,
    }


def _drop(fetch: Fetch, verdict: Verdict) -> dict[str, Any]:
    return {
        "id": fetch["id"],
        "url": fetch["url"],
        "outcome": verdict.outcome,
        "value": verdict.value,
        "language": verdict.language,
        "error": verdict.error,
    }


def _write(
    unit: Unit, name: str, table: str, rows: list[dict[str, Any]], drops: list[dict[str, Any]]
) -> Part:
    """Writes one table; the documents' part also carries the counts, of drops too."""
    volatile = VOLATILE.get(table, frozenset())
    schema: pa.Schema = SCHEMAS[table]
    with PartWriter(unit.folder, name, schema, unit.work_key, volatile=volatile) as writer:
        if table == "documents":
            writer.counts.keep(len(rows))
            for drop in drops:
                writer.counts.drop(drop["outcome"])
        writer.add(sorted(rows, key=lambda row: str(row["id"])))
    return writer.finish()
