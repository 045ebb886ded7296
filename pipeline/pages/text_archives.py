"""Archives of texts that a user has already, with an index of what is in them."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pipeline.engine.steps import Reports
from pipeline.pages.archive_lookup import INDEX, Lookup, plan_look_ups
from pipeline.pages.outcomes import Outcome
from pipeline.pages.page_source import PagesRun
from pipeline.pages.records import Capture, page_records
from pipeline.pages.screen import Judged
from pipeline.pages.settings import PagesSettings
from pipeline.pages.table import Row
from pipeline.store import files, warc
from pipeline.store.addresses import canonical_key, page_id, page_of
from pipeline.store.http_answer import Headers
from pipeline.store.manifest import WORK
from pipeline.store.own_texts import (
    MEDIA_TYPE,
    OwnText,
    TextBundle,
    TextFiles,
    rows_of,
)
from pipeline.store.parts import Part, PartWriter, file_part, finished_part
from pipeline.store.progress import Progress

_INDEXED = 20_000  # rows of one index; they are objects until it is written
_HEADERS = Headers([("Content-Type", MEDIA_TYPE)])


@dataclass(frozen=True)
class TextsUnit:
    """A bundle of texts to archive."""

    bundle: TextBundle
    number: int
    folder: str
    key: str
    pages: PagesSettings
    texts: TextFiles

    def index_name(self, number: int) -> str:
        """The scratch index of some of its texts; number 0 has none, and is written last."""
        return f"{WORK}/index-{self.number:05d}-{number:05d}.parquet"

    def archive_name(self, number: int) -> str:
        """One of its archives."""
        return f"texts-{self.number:05d}-{number:03d}.warc.gz"


def plan_own_look_ups(
    run: PagesRun, pages: PagesSettings, archived: Reports
) -> list[tuple[Lookup, str]]:
    """A look-up for each part of the links stage, in the indexes among what was archived."""
    indexes = [part for part in archived if part.file and part.file.name.startswith(f"{WORK}/")]
    return plan_look_ups(run, pages, indexes)


def archive_texts(unit: TextsUnit) -> list[Part]:
    """Writes the archives of a bundle and their scratch indexes, some thousand rows each."""
    done = _finished(unit)
    if done is not None:
        return done
    parts: list[Part] = []
    rows: list[Row] = []
    with (
        Progress(unit.folder, f"texts-{unit.number:05d}") as progress,
        _Archives(unit) as archives,
    ):
        for text in rows_of(unit.bundle, unit.texts):
            if isinstance(text, OwnText):
                rows.append(archives.add(text))
                progress.add(0, archived=1)
            if len(rows) == _INDEXED:
                parts.append(_write_index(unit, len(parts) + 1, rows))
                rows = []
    parts.append(_write_index(unit, len(parts) + 1, rows))
    made = [file_part(unit.folder, name) for name in archives.names]
    # Written last of all: with it the bundle is done.
    return [*parts, *made, _write_index(unit, 0, [], indexes=len(parts), archives=len(made))]


def _finished(unit: TextsUnit) -> list[Part] | None:
    """What a run before has made of a bundle; None where it did not come to its end."""
    last = finished_part(unit.folder, unit.index_name(0), unit.key)
    if last is None:
        return None
    indexes = [unit.index_name(number + 1) for number in range(int(last.extra["indexes"]))]
    found = [finished_part(unit.folder, name, unit.key) for name in indexes]
    names = [unit.archive_name(number) for number in range(int(last.extra["archives"]))]
    if None in found or not all(files.exists(files.join(unit.folder, name)) for name in names):
        return None
    made = [file_part(unit.folder, name) for name in names]
    return [*(part for part in found if part), *made, last]


def _write_index(unit: TextsUnit, number: int, rows: list[Row], **numbers: int) -> Part:
    rows.sort(key=lambda row: (row["id"], row["fetched_at"], row["warc_file"], row["warc_offset"]))
    name = unit.index_name(number)
    with PartWriter(unit.folder, name, INDEX, unit.key, fingerprinted=False) as writer:
        writer.extra |= numbers
        writer.add(rows)
    return writer.finish()


class _Archives(AbstractContextManager["_Archives"]):
    """The archives of a bundle, one after the other, each whole or not there."""

    def __init__(self, unit: TextsUnit) -> None:
        self._unit = unit
        self.names: list[str] = []

    def __enter__(self) -> Self:
        self._open = ExitStack()
        self._begin()
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def add(self, text: OwnText) -> Row:
        """Archives a text; gives its row of the index."""
        pages, body = self._unit.pages, text.packed()
        url = address.url if (address := page_of(text.url)) else text.url
        when = max(text.seconds, 0)
        capture = Capture(url, 200, _HEADERS, body, when or int(self._begun))
        large = len(body) > pages.max_bytes
        judged = Judged(Outcome.TOO_LARGE if large else Outcome.OK)
        row = capture.row(page_id(canonical_key(url)), url, judged, "texts")
        row |= {"payload": "", "target": "", "fetched_at": when}
        if large:
            return row
        if self._stream.tell() > pages.segment_mb << 20:
            self._open.close()
            self._begin()
        row |= {"warc_file": self.names[-1], "warc_offset": self._stream.tell()}
        for record in page_records(capture):
            self._stream.write(warc.record(record.kind, record.fields, record.block))
        return row

    def _begin(self) -> None:
        self._begun = time.time()
        self.names.append(self._unit.archive_name(len(self.names)))
        path = files.join(self._unit.folder, self.names[-1])
        temporary = self._open.enter_context(files.atomic(path))
        self._stream = self._open.enter_context(Path(temporary).open("wb"))  # noqa: SIM115
        self._stream.write(warc.warcinfo(self.names[-1], self._begun)[1])
