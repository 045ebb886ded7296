"""Bodies of answers: in chunks (RFC 9112, 7.1), of a given length, or up to the end.

Each takes bytes as they come.  `whole` says whether the body ended as it was announced; what
lies behind its end is `rest`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Protocol

_SIZE = re.compile(rb"[ \t]*(?:0x)?([0-9a-f]{1,16})[ \t]*(?:;.*)?\r?", re.I)
#: A line with a size behind a line end: where the next chunk begins if a size was wrong.
_NEXT = re.compile(rb"\r?\n(?:0x)?[0-9a-f]{1,8}[ \t]*(?:;[^\n]{0,990})?\r?\n", re.I)
_LONGEST_NEXT = 1_024  # bytes that a match of it can have
_LONGEST_LINE = 4_096  # of a size and its extensions
_MOST = 1 << 40  # bytes of one chunk; a larger size is none
_MOST_LAYERS = 4  # of chunks in chunks
_CLOSED = re.compile(rb"</(?:html|body)\s*>\s*(?:<!--(?:(?!-->).){0,500}-->\s*)*$", re.I | re.S)
_END_OF_PAGE = 1_000  # bytes at the end in which a page's last tag is looked for


def is_closed(body: bytes | bytearray) -> bool:
    """True for a page whose markup comes to its end: `</html>`, perhaps with comments behind."""
    return _CLOSED.search(bytes(body[-_END_OF_PAGE:])) is not None


def starts_in_chunks(body: bytes | bytearray) -> bool:
    """True where a body begins with a line that could be the size of a chunk."""
    line, end, _ = bytes(body[:_LONGEST_LINE]).partition(b"\n")
    return bool(end) and _SIZE.fullmatch(line) is not None


def without_chunks(body: bytes | bytearray) -> bytes | bytearray:
    """A body that came to its end, without chunks that no label told of.

    Chunks may lie in chunks: a server behind a server did the same again.  The result has none
    that this function would take out, so a body that is archived is read back as it was; what has
    more layers than anybody makes by mistake stays as it is.
    """
    inner = body
    for _ in range(_MOST_LAYERS + 1):
        chunked = ChunkedBody()
        if starts_in_chunks(inner):
            chunked.feed(inner)
        if not chunked.whole or not chunked.data or chunked.rest:
            return inner
        inner = chunked.data
    return body


class Body(Protocol):
    """A body while it is read."""

    data: bytearray
    done: bool
    whole: bool
    rest: bytes

    def feed(self, data: bytes | bytearray) -> None:
        """Takes more bytes; those behind the end go to `rest`."""

    def end(self) -> None:
        """There are no more bytes."""


class SizedBody:
    """A body of a known length."""

    def __init__(self, length: int) -> None:
        self.data, self.rest, self._length = bytearray(), b"", length
        self.done = self.whole = length == 0

    def feed(self, data: bytes | bytearray) -> None:
        """Takes more bytes."""
        missing = self._length - len(self.data)
        self.data += data[:missing]
        self.rest += data[missing:]
        self.done = self.whole = len(self.data) == self._length

    def end(self) -> None:
        """There are no more bytes."""
        self.done = True


class OpenBody:
    """A body up to the end of the connection, or one of which several lengths are told.

    Where a page is closed at one of the lengths, that one is true.
    """

    def __init__(self, lengths: Collection[int] = ()) -> None:
        self.data, self.rest, self._lengths = bytearray(), b"", sorted(lengths)
        self.done = self.whole = False

    def feed(self, data: bytes | bytearray) -> None:
        """Takes more bytes."""
        self.data += data
        for length in self._lengths:
            last = length == self._lengths[-1]
            if length <= len(self.data) and (last or is_closed(self.data[:length])):
                self.rest = bytes(self.data[length:])
                del self.data[length:]
                self.done = self.whole = True
                return

    def end(self) -> None:
        """There are no more bytes."""
        self.done = True
        self.whole = self.whole or not self._lengths


class ChunkedBody:
    """A body in chunks.

    `denied` says that the first bytes are no chunk, so that the label is wrong; they are `rest`
    then.  Where a chunk is longer than its size says, the next line with a size ends it; where
    no chunk follows, the body ends.
    """

    def __init__(self) -> None:
        self.data, self.rest = bytearray(), b""
        self.done = self.whole = self.denied = self.ended = False
        self._waiting = bytearray()
        self._missing = 0  # bytes of the chunk that is read
        self._behind = False  # whether a chunk was read, so that a line end stands before the next

    def feed(self, data: bytes | bytearray) -> None:
        """Takes more bytes."""
        self._waiting += data
        while not self.done and self._step(ended=False):
            pass

    def end(self) -> None:
        """There are no more bytes."""
        self.ended = True
        while not self.done and self._step(ended=True):
            pass
        self.done = True

    def _step(self, *, ended: bool) -> bool:
        """Takes one chunk, size or line end; False where more bytes are needed."""
        waiting = self._waiting
        if self._missing:
            self.data += waiting[: self._missing]
            taken = min(len(waiting), self._missing)
            self._missing -= taken
            del waiting[:taken]
            return self._missing == 0
        if self._behind and not self._take_line_end(ended):
            return False
        end = waiting.find(b"\n")
        if end < 0 and not ended and len(waiting) < _LONGEST_LINE:
            return False
        line = bytes(waiting[:end] if end >= 0 else waiting)
        match = _SIZE.fullmatch(line)
        size = int(match[1], 16) if match else _MOST
        if size >= _MOST:
            return self._no_size(line, end)
        del waiting[: end + 1 if end >= 0 else len(waiting)]
        if size == 0:
            # What may follow are trailers, which nobody here needs.
            self.rest = bytes(waiting.removeprefix(b"\r").removeprefix(b"\n"))
            self.done = self.whole = True
        self._missing, self._behind = size, size > 0
        return not self.done

    def _take_line_end(self, ended: bool) -> bool:
        """Takes the line end behind a chunk, and what of the chunk its size did not count."""
        waiting = self._waiting
        if not ended and len(waiting) < 2:
            return False
        if waiting[:2] == b"\r\n":
            del waiting[:2]
        elif waiting[:1] == b"\n":
            del waiting[:1]
        elif not starts_in_chunks(waiting):
            match = _NEXT.search(waiting)
            end = match.start() if match else max(0, len(waiting) - (0 if ended else _LONGEST_NEXT))
            self.data += waiting[:end]
            del waiting[:end]
            return bool(match) and self._take_line_end(ended)
        self._behind = False
        return True

    def _no_size(self, line: bytes, end: int) -> bool:
        """Deals with a line where a size should be: a blank one is passed over."""
        if not line.strip() and end >= 0:
            del self._waiting[: end + 1]
            return True
        self.denied = not self.data
        self.rest, self.done = bytes(self._waiting), True
        return False
