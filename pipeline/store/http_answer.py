"""Answers of HTTP/1 and older, read as forgivingly as they are sent.

`AnswerReader` takes bytes as they come and says when the answer is whole; it opens nothing
and waits for nothing, so that a crawl, an archive and a test read by the same rules.  RFC 9112
says what is right; what is forgiven beyond it is what browsers and curl forgive, and what can
be understood in one way only: line feeds alone, junk before the status line or none at all,
lines that are no header, lengths that contradict each other, chunks that are not closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pipeline.store.chunked import Body, ChunkedBody, OpenBody, SizedBody, without_chunks

_HEAD_END = re.compile(rb"\n\r?\n")
#: The end where carriage returns alone end lines; looked for only where there is no line feed.
_OLD_HEAD_END = re.compile(rb"\r\r")
#: Where a page begins without the blank line that should stand before it.
_PAGE_LINE = re.compile(rb"\n(?=<(?:!doctype\s|html[\s>]))", re.I)
_PAGE_LINE_BYTES = 16  # that a match of it can need
_STATUS = re.compile(
    rb"(?:HTTP(?:/(\d+(?:\.\d+)?)?)?|ICY)[ \t]+(\d{3})(?!\d)[ \t]*([^\r\n]*)", re.I
)
_STATUS_ANYWHERE = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+\d{3}(?!\d)", re.I)
_STARTS = re.compile(rb"(?:HTTP[/ \t]|ICY[ \t])", re.I)
#: Headers without a status line, as a script leaves them that a server passes through.
_SCRIPT_HEADER = re.compile(
    rb"(?:[A-Za-z0-9-]+[ \t]*:[^\r\n]*\r?\n){0,100}(?:content-type|status)[ \t]*:", re.I
)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]+")
_LENGTH = re.compile(r"\+?(\d{1,15})(?:\.0*)?")
_HTML = re.compile(rb"\s*<(?:!doctype|html|head|body|title|\?xml|!--)", re.I)
#: How other protocols greet: mail and file servers, secure shell, TLS.
_OTHER_PROTOCOL = re.compile(rb"\d{3}[ -]|SSH-|\+OK|\* OK|\x15\x03|\x16\x03")
_HTTP2 = re.compile(rb"\x00[\x00-\x3f].\x04\x00{5}", re.S)  # a frame of settings (RFC 9113, 6.5)

_MOST_HEAD = 1 << 18  # bytes of status line and headers: Chromium's limit
_MOST_JUNK = 1 << 12  # bytes before the status line
_MOST_INFORMATIONAL = 32  # answers of status 1xx before the real one
_NO_BODY = frozenset({204, 205, 304})


class NoHttpError(ValueError):
    """What came is no answer of HTTP/1."""


class Http2OnlyError(NoHttpError):
    """The server speaks HTTP/2 alone."""


class Headers:
    """Header fields in their order, looked up by lower-case name."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs = tuple(pairs)
        self._by_name: dict[str, list[str]] = {}
        for name, value in self.pairs:
            self._by_name.setdefault(name.lower(), []).append(value)

    def values(self, name: str) -> list[str]:
        """The value of each field of this name."""
        return self._by_name.get(name, [])

    def joined(self, name: str) -> str:
        """All values of a name in one (RFC 9110, 5.3); empty without one."""
        return ", ".join(self.values(name))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self.pairs == other.pairs

    def __hash__(self) -> int:
        return hash(self.pairs)

    def __repr__(self) -> str:
        return f"Headers({self.pairs!r})"


class AnswerHead(NamedTuple):
    """Status line and headers of an answer."""

    status: int
    headers: Headers
    version: str = "1.1"
    reason: str = ""

    @property
    def kept_alive(self) -> bool:
        """Whether the connection may be used again (RFC 9112, 9.3)."""
        options = self.headers.joined("connection").lower()
        return "close" not in options and (self.version >= "1.1" or "keep-alive" in options)

    @property
    def transfer_codings(self) -> list[str]:
        """The codings of Transfer-Encoding, in lower case, without their parameters."""
        named = self.headers.joined("transfer-encoding").lower().split(",")
        return [name.partition(";")[0].strip() for name in named]


def parse_head(data: bytes) -> AnswerHead:
    """The head in `data`, which begins with the status line or, without one, with a header.

    Raises NoHttpError for a status line without a status.
    """
    lines = data.split(b"\n") if b"\n" in data else data.split(b"\r")
    match = _STATUS.match(lines[0])
    pairs: list[tuple[str, str]] = []
    for raw in lines[1:] if match else lines:
        line = _text(raw.rstrip(b"\r"))
        name, colon, value = line.partition(":")
        if line[:1] in (" ", "\t") and pairs:  # folded (RFC 9112, 5.2)
            pairs[-1] = pairs[-1][0], f"{pairs[-1][1]} {line.strip()}".strip()
        elif colon and _TOKEN.fullmatch(name.strip()):
            pairs.append((name.strip(), value.strip()))
    headers = Headers(pairs)
    if match is None and _STARTS.match(lines[0]):
        raise NoHttpError(f"no status in {_text(lines[0][:60])!r}")
    if match is None:
        status = re.match(r"\d{3}", headers.joined("status"))
        return AnswerHead(int(status[0]) if status else 200, headers, "1.0")
    version = (match[1] or b"1.1").decode()
    return AnswerHead(int(match[2]), headers, version, _text(match[3]).strip())


def _text(raw: bytes) -> str:
    """Header bytes as text that can be stored: UTF-8 where they are, else Latin-1."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return _CONTROL.sub("", text)


class AnswerReader:
    """Reads one answer from bytes as they come: `feed` them until `done`, `end` at their end.

    `head` is there as soon as it is read.  Without `lengths` a Content-Length is not believed.
    Raises NoHttpError for what is no answer, which `end` may find out as well as `feed`.
    """

    def __init__(self, *, lengths: bool = True) -> None:
        self.head: AnswerHead | None = None
        self._lengths = lengths
        self._body: Body | None = None
        self._waiting = bytearray()
        self._looked_at = 0  # bytes in which no end of the head was found
        self._informational = 0

    @property
    def done(self) -> bool:
        """Whether the answer has come to its end."""
        return self._body is not None and self._body.done

    @property
    def body(self) -> bytearray:
        """What has come of the body, without chunks."""
        return bytearray() if self._body is None else self._body.data

    @property
    def whole(self) -> bool:
        """Whether the body ended as it was announced."""
        return self._body is not None and self._body.whole

    @property
    def reusable(self) -> bool:
        """Whether another answer can come over the connection."""
        head, body = self.head, self._body
        if head is None or body is None or isinstance(body, OpenBody):
            return False
        return body.done and body.whole and not body.rest and head.kept_alive

    def feed(self, data: bytes) -> None:
        """Takes more bytes."""
        if self._body is None:
            self._waiting += data
            while self._body is None and self._read_head(ended=False):
                pass
        else:
            self._feed_body(data)

    def end(self, *, broken: bool = False) -> None:
        """The connection is closed, or `broken` off: then a body without a length is not whole."""
        while self._body is None:
            self._read_head(ended=True)
        body = self._body
        if body.done:
            return
        body.end()
        self._mend()
        if isinstance(self._body, OpenBody):
            self._body.whole = self._body.whole and not broken

    def _feed_body(self, data: bytes) -> None:
        if self._body is not None:
            self._body.feed(data)
            self._mend()

    def _mend(self) -> None:
        """Believes the bytes where they deny the chunks of the label, or show those of none."""
        body = self._body
        if isinstance(body, ChunkedBody) and body.denied and self.head is not None:
            self._body = self._plain_body(self.head)
            self._body.feed(body.rest)
            if body.ended:
                self._body.end()
        if self._body is not None and self._body.done:
            self._body.data = bytearray(without_chunks(self._body.data))

    def _read_head(self, *, ended: bool) -> bool:
        """Reads the head, or an informational one; False where more bytes are needed."""
        start = _start_of_head(self._waiting, ended)
        if start is None:
            return False
        del self._waiting[:start]
        if _HTML.match(self._waiting):
            return self._begin(AnswerHead(200, Headers(), "0.9"), 0)
        end = self._end_of_head(ended)
        if end is None:
            return False
        return self._begin(parse_head(bytes(self._waiting[:end])), end)

    def _end_of_head(self, ended: bool) -> int | None:
        waiting = self._waiting
        old = _OLD_HEAD_END.search(waiting)
        if old and b"\n" not in waiting[: old.start()]:
            return old.end()
        match = _HEAD_END.search(waiting, max(0, self._looked_at - 3))
        end = match.end() if match else len(waiting)
        if page := _PAGE_LINE.search(waiting, max(0, self._looked_at - _PAGE_LINE_BYTES), end):
            return page.end()
        if match:
            return end
        self._looked_at = len(waiting)
        if len(waiting) > _MOST_HEAD:
            raise NoHttpError(f"headers of more than {_MOST_HEAD:,} bytes")
        return end if ended else None

    def _begin(self, head: AnswerHead, end: int) -> bool:
        """Begins with what stands behind a head."""
        behind, self._waiting, self._looked_at = self._waiting[end:], bytearray(), 0
        if 100 <= head.status < 200:
            self._informational += 1
            if head.status == 101 or self._informational > _MOST_INFORMATIONAL:
                raise NoHttpError(f"status {head.status} instead of an answer")
            self._waiting = behind
            return True
        self.head = head
        in_chunks = "chunked" in head.transfer_codings and head.status not in _NO_BODY
        self._body = ChunkedBody() if in_chunks else self._plain_body(head)
        if head.status in _NO_BODY:
            self._body = SizedBody(0)
        self._feed_body(bytes(behind))
        return True

    def _plain_body(self, head: AnswerHead) -> SizedBody | OpenBody:
        """A body of the length that is told; of what is no length nothing is known."""
        values = head.headers.joined("content-length").split(",") if self._lengths else []
        told = (_LENGTH.fullmatch(value.strip()) for value in values)
        lengths = {int(found[1]) for found in told if found}
        return SizedBody(lengths.pop()) if len(lengths) == 1 else OpenBody(lengths)


def _start_of_head(waiting: bytearray, ended: bool) -> int | None:
    """Where status line, first header or page begin; None where more bytes are needed.

    Raises NoHttpError where it is clear that none comes.
    """
    lead = len(waiting) - len(waiting.lstrip(b"\r\n"))
    if _STARTS.match(waiting, lead):
        return lead
    if _HTTP2.match(waiting):
        raise Http2OnlyError("an answer of HTTP/2")
    if _OTHER_PROTOCOL.match(waiting, lead):
        raise NoHttpError(f"another protocol: {bytes(waiting[:60])!r}")
    if match := _STATUS_ANYWHERE.search(waiting, 0, _MOST_JUNK):
        return match.start()
    if not ended and len(waiting) < _MOST_JUNK:
        return None
    if not waiting.strip():
        raise NoHttpError("the connection was closed before an answer came")
    if _HTML.match(waiting, lead) or _SCRIPT_HEADER.match(waiting, lead):
        return lead
    raise NoHttpError(f"no status line: {bytes(waiting[:60])!r}")


def read_archived(block: bytes) -> tuple[AnswerHead, bytes]:
    """Head and body, without chunks, of an answer that was archived as one block.

    Archives keep lengths and chunks of what they have unpacked, so a body ends where the block
    does.  Raises NoHttpError.
    """
    reader = AnswerReader(lengths=False)
    reader.feed(block)
    reader.end()
    return reader.head or AnswerHead(200, Headers()), bytes(reader.body)
