"""ARC files, the Internet Archive's format before WARC: plain, or one gzip member a record.

By the Internet Archive's description of 1996: a record is a line with address, server, date,
media type and, last of all, length, and so many bytes, which hold the answer of the server.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import IO, NamedTuple

_STEP = 1 << 16
_LONGEST_LINE = 1 << 14
#: Address, server, date, and the length behind all else; old files have spaces in addresses.
_FIRST_LINE = re.compile(r"(\S.*?) +\S+ +([0-9]{8,14})[0-9]* (?:.* )?([0-9]{1,18})\s*", re.S)
GZIP = b"\x1f\x8b"
#: How the first record of an ARC file begins.
MAGIC = b"filedesc:"


class ArcRecord(NamedTuple):
    """A record: where it begins, and what it holds; `cut` where that is more than was read."""

    offset: int
    url: str
    date: int  # seconds since 1970
    block: bytes
    cut: bool


class BadArcError(ValueError):
    """A file that is no ARC file, or is cut."""


def read_arc(stream: IO[bytes], most_bytes: int) -> Iterator[ArcRecord]:
    """The records from the stream's place on, each with `most_bytes` of its block at most.

    Raises BadArcError with what is wrong.
    """
    while True:
        offset = stream.tell()
        start = stream.read(len(GZIP))
        stream.seek(offset)
        if not start:
            return
        content = _Member(stream) if start == GZIP else _Plain(stream)
        line = content.line()
        while line == b"\n":
            line = content.line()
        if not line:
            return
        url, date, length = _fields(line)
        wanted = min(length, most_bytes)
        block = content.read(wanted)
        if len(block) < wanted or not content.skip(length - wanted):
            raise BadArcError(f"the record of {url[:200]} is cut")
        content.leave()
        if not url.startswith("filedesc:"):
            yield ArcRecord(offset, url, date, block, cut=length > most_bytes)


def _fields(line: bytes) -> tuple[str, int, int]:
    """Address, date and length of a record's first line."""
    match = _FIRST_LINE.fullmatch(line.decode("utf-8", "replace"))
    try:
        url, date, length = match.groups() if match else ("", "", "")
        moment = datetime.strptime(date.ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise BadArcError(f"no first line of a record: {line[:100]!r}") from None
    return url, int(moment.timestamp()), int(length)


class _Plain:
    """A record of a file that is not compressed."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def line(self) -> bytes:
        return self._stream.readline(_LONGEST_LINE)

    def read(self, length: int) -> bytes:
        return self._stream.read(length)

    def skip(self, length: int) -> bool:
        """Passes over bytes; False where the file ends in them."""
        while length > 0:
            piece = self._stream.read(min(length, _STEP))
            if not piece:
                return False
            length -= len(piece)
        return True

    def leave(self) -> None:
        """Records are parted by line ends, which the next one passes over."""


class _Member(_Plain):
    """A record of a file of gzip members: it ends with its member."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._inflater = zlib.decompressobj(31)
        self._plain = bytearray()

    def _more(self) -> bool:
        """Unpacks some more; False at the end of the member, or of the file."""
        if self._inflater.eof:
            return False
        data = self._inflater.unconsumed_tail or self._stream.read(_STEP)
        if not data:
            return False
        try:
            self._plain += self._inflater.decompress(data, _STEP)
        except zlib.error as error:
            raise BadArcError(str(error)) from None
        return True

    def line(self) -> bytes:
        while b"\n" not in self._plain and len(self._plain) < _LONGEST_LINE and self._more():
            pass
        return self.read(self._plain.find(b"\n") + 1 or len(self._plain))

    def read(self, length: int) -> bytes:
        while len(self._plain) < length and self._more():
            pass
        data = bytes(self._plain[:length])
        del self._plain[:length]
        return data

    def skip(self, length: int) -> bool:
        while length > 0:
            passed = len(self.read(min(length, _STEP)))
            if not passed:
                return False
            length -= passed
        return True

    def leave(self) -> None:
        """Goes to the end of the member."""
        while self._more() or self._plain:
            if self._plain.strip():
                raise BadArcError("one gzip stream around many records, instead of one for each")
            self._plain.clear()
        if not self._inflater.eof:
            raise BadArcError("its last record is incomplete")
        self._stream.seek(-len(self._inflater.unused_data), 1)
