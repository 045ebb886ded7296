"""Lists that archives of pages are: WARC files, and the CDX indexes of archives.

Only what an archive holds of pages is a link: answers with status 200 and a type of text, and
revisits of such.  Pictures, scripts, redirects and requests are turned away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType

from pipeline.links.records import BadLineError
from pipeline.store import files
from pipeline.store.errors import WebtextError

#: Media types of pages; `-`, `unk` and none are not known, and taken.
_PAGES = frozenset(
    "text/html application/xhtml+xml text/plain application/pdf warc/revisit - unk".split()
) | {""}
_STATUS = frozenset({"200", "-", ""})
_RECORDS = WarcRecordType.response | WarcRecordType.revisit | WarcRecordType.resource
#: A line of an index begins with a key and a time: `org,example)/a 20240131120000 …`.
_CDX_LINE = re.compile(rb"\S+ (\d{14}) (.*)", re.S)
#: The columns of a line without a header: those of the Wayback Machine's server.
_COLUMNS = ("urlkey", "timestamp", "original", "mimetype", "statuscode", "digest", "length")
#: The letters of a header, ` CDX N b a m s k r M S V g` (the IIPC's CDX format).
_LETTERS = {"a": "original", "b": "timestamp", "m": "mimetype", "s": "statuscode"}


class Capture(NamedTuple):
    """An address that an archive holds: when it was taken, and whether it is a page."""

    url: str
    time: str
    is_page: bool


def is_cdx(first: bytes) -> bool:
    """Whether the first line of a file is one of an index."""
    return first.lstrip().startswith(b"CDX ") or _CDX_LINE.match(first) is not None


class CdxReader:
    """Turns the lines of an index into captures; it remembers the header."""

    def __init__(self) -> None:
        self._columns: tuple[str, ...] = _COLUMNS

    def read(self, line: bytes) -> Capture | None:
        """The capture of a line, None of a header.  Raises BadLineError where it is none."""
        text = line.decode("utf-8", "surrogateescape").strip()
        if text.startswith("CDX "):
            self._columns = tuple(_LETTERS.get(letter, letter) for letter in text.split()[1:])
            return None
        key, _, rest = text.partition(" ")
        time, _, values = rest.partition(" ")
        if values.startswith("{"):
            return _of_json(key, time, values)
        row = dict(zip(self._columns, text.split(" "), strict=False))
        if "original" not in row or "timestamp" not in row:
            raise BadLineError("no address, or no time")
        status, kind = row.get("statuscode", ""), row.get("mimetype", "")
        return Capture(row["original"], row["timestamp"], is_page(status, kind))


def _of_json(key: str, time: str, values: str) -> Capture:
    """The capture of a CDXJ line, as pywb and Common Crawl write them."""
    try:
        row: Any = json.loads(values, strict=False)
    except ValueError as error:
        raise BadLineError(str(error)) from None
    if not isinstance(row, dict) or not isinstance(row.get("url"), str):
        raise BadLineError("no url")
    kind = row.get("mime-detected") if row.get("mime") in (None, "unk") else row.get("mime")
    return Capture(row["url"], time, is_page(str(row.get("status", "")), str(kind or "")))


def is_page(status: str, media_type: str) -> bool:
    """Whether an answer with this status and type is a page."""
    kind = media_type.partition(";")[0].strip().lower()
    return status in _STATUS and kind in _PAGES


def warc_captures(path: str) -> Iterator[tuple[int, Capture]]:
    """(bytes read so far, capture) of each answer of a WARC file.  WebtextError for a cut one."""
    with files.open_read(path) as stream:
        try:
            records = ArchiveIterator(
                stream, record_types=_RECORDS, parse_http=True, strict_mode=False
            )
            for record in records:
                yield stream.tell(), _capture(record)
        except (OSError, RuntimeError, ValueError) as error:
            raise WebtextError(
                f"{path} is cut or damaged after byte {stream.tell():,}: {error}",
                "Fetch the archive again, or leave it out",
            ) from error


def _capture(record: WarcRecord) -> Capture:
    http = record.http_headers
    if http is not None:
        status, kind = str(http.status_code or ""), http.get("Content-Type") or ""
    else:
        status, kind = "", record.headers.get("Content-Type") or ""
    if record.record_type == WarcRecordType.revisit:
        kind = ""
    url = (record.headers.get("WARC-Target-URI") or "").strip("<>")
    return Capture(url, record.headers.get("WARC-Date") or "", is_page(status, kind))
