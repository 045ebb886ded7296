"""Pages leave a WARC archive without moving the others.

The records of a page stand together: response (or revisit), request, metadata.  Their bytes
are replaced by one record of the same length that says nothing, so every other record stays
at its offset and no table changes for it.  The text is gone, not hidden: what is written
there is new.
"""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType

from pipeline.store import files, warc
from pipeline.store.addresses import canonical_key, page_id

_STORED = 0xFFFF  # bytes of one stored block of deflate
#: Bytes of a gzip member before its blocks, and with those behind them.
_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_FRAME = len(_HEAD) + 8
_FIRST = WarcRecordType.response | WarcRecordType.revisit
_BESIDE = WarcRecordType.request | WarcRecordType.metadata


@dataclass
class ArchivedPage:
    """The records of one page: where they lie in the archive, and whose they are."""

    start: int
    end: int
    first_end: int
    """End of the first record, which holds the body."""
    ids: set[str]


def erase(path: str, target: str, gone: Collection[str], shared: Collection[int]) -> int:
    """Writes the archive at `path` without pages whose ids are `gone` to `target`.

    Bodies at the offsets `shared` stay, since pages that are not gone have them as well.
    Returns how many pages went; with none nothing is written.
    """
    spans = []
    for page in pages_of(path):
        if not page.ids.isdisjoint(gone):
            start = page.first_end if page.start in shared else page.start
            if start < page.end:
                spans.append((start, page.end))
    if spans:
        with files.atomic(target) as temporary:
            _overwrite(path, Path(temporary), spans)
    return len(spans)


def _overwrite(path: str, target: Path, spans: list[tuple[int, int]]) -> None:
    """A copy of the file in which each span is one record that says nothing."""
    with files.open_read(path) as old, target.open("wb") as new:
        position = 0
        for start, end in [*spans, (files.size(path), 0)]:
            _copy(old, new, start - position)
            if end:
                new.write(filler(end - start))
                old.seek(end)
                position = end


def _copy(old: IO[bytes], new: IO[bytes], count: int) -> None:
    while count > 0 and (piece := old.read(min(count, 1 << 20))):
        new.write(piece)
        count -= len(piece)


def pages_of(path: str) -> Iterator[ArchivedPage]:
    """The pages of an archive in order; records that belong to none are passed over."""
    page: ArchivedPage | None = None
    size = files.size(path)
    with files.open_read(path) as stream:
        kinds = _FIRST | _BESIDE | WarcRecordType.warcinfo
        last: tuple[int, bool] | None = None  # where the record before began; is it a first?
        for record in ArchiveIterator(stream, parse_http=False, record_types=kinds):
            start = record.stream_pos
            if page is not None and last is not None:
                _ends(page, last, start)
            is_first = bool(record.record_type & _FIRST)
            if is_first or record.record_type == WarcRecordType.warcinfo:
                if page is not None:
                    yield page
                page = ArchivedPage(start, start, start, _ids(record)) if is_first else None
            elif page is not None:
                page.ids |= _ids(record)
            last = (start, is_first)
        if page is not None and last is not None:
            _ends(page, last, size)
            yield page


def _ends(page: ArchivedPage, last: tuple[int, bool], end: int) -> None:
    page.end = end
    if last[1]:
        page.first_end = end


def _ids(record: WarcRecord) -> set[str]:
    """The ids of the pages that a record is of: by its address, and by the link in its notes."""
    headers = record.headers
    ids = {page_id(canonical_key((headers.get("WARC-Target-URI") or "").strip("<>")))}
    if record.record_type == WarcRecordType.metadata:
        notes = record.reader.read().decode("utf-8", "replace")
        ids |= {line[4:].strip() for line in notes.splitlines() if line.startswith("id: ")}
    return ids


def filler(size: int) -> bytes:
    """One gzip member of exactly `size` bytes: a record that says that something was removed.

    Its blocks are stored as they are, each with five bytes of its own, so the length can be told.
    """
    blocks = -(-(size - _FRAME) // (_STORED + 5))
    plain = _record(size - _FRAME - 5 * blocks)
    starts = range(0, blocks * _STORED, _STORED)
    pieces = [plain[start : start + _STORED] for start in starts]
    body = b"".join(
        struct.pack("<BHH", number == blocks - 1, len(piece), len(piece) ^ _STORED) + piece
        for number, piece in enumerate(pieces)
    )
    return _HEAD + body + struct.pack("<II", zlib.crc32(plain), len(plain) & 0xFFFFFFFF)


def _record(size: int) -> bytes:
    """A WARC record of exactly `size` bytes."""
    fields = {
        "WARC-Type": "warcinfo",
        "WARC-Record-ID": warc.record_id(),
        "WARC-Date": warc.warc_date(time.time()),
        "Content-Type": "application/warc-fields",
    }
    for pad in ("", "-"):  # one more character where a digit more would be one too many
        fields["WARC-Filename"] = f"removed{pad}"
        lines = ["WARC/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        head = "\r\n".join([*lines, "Content-Length: "]).encode()
        for digits in range(1, 10):
            length = size - len(head) - digits - 8  # two ends of lines, twice
            if length >= 0 and len(str(length)) == digits:
                block = b"description: removed".ljust(length)[:length]
                return head + str(length).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"
    raise ValueError(f"no record has {size} bytes")
