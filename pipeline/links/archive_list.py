"""Lists that archives of pages are: WARC files, and the CDX indexes of archives.

Only what an archive holds of pages is a link: answers with status 200 and a type of text, and
revisits of such.  Pictures, scripts, redirects and requests are turned away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.links.records import BadLineError
from pipeline.store import files
from pipeline.store.archive_files import dictionary_of
from pipeline.store.archives import Note, Response, captures

#: Media types of pages; `-`, `unk` and none are not known, and taken.
_PAGES = frozenset(
    "text/html application/xhtml+xml text/plain application/pdf warc/revisit - unk".split()
) | {""}
_STATUS = frozenset({"200", "-", ""})
#: A line of an index begins with a key and a time: `org,example)/a 20240131120000 …`.
_CDX_LINE = re.compile(rb"\S+ (\d{14}) (.*)", re.S)
_NOTE = b"!"  # how the lines begin that say something of a CDXJ file
#: The columns of a line without a header: those of the Wayback Machine's server.
_COLUMNS = ("urlkey", "timestamp", "original", "mimetype", "statuscode", "digest", "length")
#: The letters of a header, ` CDX N b a m s k r M S V g` (the IIPC's CDX format).
_LETTERS = {"a": "original", "b": "timestamp", "m": "mimetype", "s": "statuscode"}

#: Columns that only an index has: the CDX server's and pywb's, Common Crawl's table.
_OF_AN_INDEX = ("urlkey", "fetch_status")
#: How those name status and media type.
_STATUSES = ("statuscode", "status", "fetch_status")
_KINDS = ("mimetype", "mime-detected", "mime", "content_mime_detected", "content_mime_type")
#: The columns of Common Crawl's table that tell pages from other answers.
TABLE_COLUMNS = ("fetch_status", "content_mime_detected", "content_mime_type")


class ListedCapture(NamedTuple):
    """An address that an archive holds: when it was taken, and whether it is a page."""

    url: str
    time: str
    is_page: bool


def is_cdx(data: bytes) -> bool:
    """Whether a file that begins with these bytes is an index."""
    lines = (line for line in data.split(b"\n") if not line.startswith(_NOTE))
    first = next(lines, b"")
    return first.lstrip().startswith(b"CDX ") or _CDX_LINE.match(first) is not None


class CdxReader:
    """Turns the lines of an index into captures; it remembers the header."""

    def __init__(self) -> None:
        self._columns: tuple[str, ...] = _COLUMNS

    def read(self, line: bytes) -> ListedCapture | None:
        """The capture of a line, None of a header.  Raises BadLineError where it is none."""
        text = line.decode("utf-8", "surrogateescape").strip()
        if text.startswith(_NOTE.decode()):
            return None
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
        return ListedCapture(row["original"], row["timestamp"], is_page(status, kind))


def _of_json(key: str, time: str, values: str) -> ListedCapture:
    """The capture of a CDXJ line, as pywb and Common Crawl write them."""
    try:
        row: Any = json.loads(values, strict=False)
    except ValueError as error:
        raise BadLineError(str(error)) from None
    if not isinstance(row, dict) or not isinstance(row.get("url"), str):
        raise BadLineError("no url")
    kind = row.get("mime-detected") if row.get("mime") in (None, "unk") else row.get("mime")
    return ListedCapture(row["url"], time, is_page(str(row.get("status", "")), str(kind or "")))


def is_page(status: str, media_type: str) -> bool:
    """Whether an answer with this status and type is a page."""
    kind = media_type.partition(";")[0].strip().lower()
    return status in _STATUS and kind in _PAGES


def needs_archive_reader(path: str) -> bool:
    """Whether a file is an archive that does not unpack into lines: WACZ, or zstd by dictionary."""
    with files.open_read(path) as stream:
        return path.lower().endswith(".wacz") or bool(dictionary_of(stream))


def archive_captures(path: str) -> Iterator[tuple[int, ListedCapture]]:
    """(byte of the file, capture) of each answer of an archive; raises as `captures` does."""
    offset = 0
    for one in captures(path, most_bytes=0):
        if isinstance(one, Note):
            continue
        status, kind = "200", "warc/revisit"
        if isinstance(one, Response):
            offset, status = one.offset, str(one.status)
            kind = one.headers.joined("content-type")
        yield offset, ListedCapture(one.url, str(one.date or ""), is_page(status, kind))


def is_page_row(row: Any) -> bool:
    """Whether a row with names is of a page: any is, but what an index says of other answers."""
    if not isinstance(row, Mapping) or not any(name in row for name in _OF_AN_INDEX):
        return True
    status, kind = (
        next((row[name] for name in names if row.get(name) not in (None, "")), "")
        for names in (_STATUSES, _KINDS)
    )
    return is_page(str(status), str(kind))
