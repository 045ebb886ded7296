"""From the body as received to text: content encoding with caps, then the character set.

The order of the choice of a character set is the one browsers use where it can be
known (byte order mark, header, meta), then strict UTF-8, then detection: of 1,040
real pages 1,013 were valid UTF-8.  One exception: a label of a one-byte set is not
believed when the body is valid UTF-8 beyond ASCII (17 of 3,880 manual pages).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple, cast

import brotli
from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5
from zlib_ng import zlib_ng

_STEP = 1 << 16  # bytes taken out of a decompressor at once; a bomb overshoots the cap by no more
_BAD_DATA = cast("type[Exception]", zlib_ng.error)  # its stub takes the class for an instance
_MOST_MEMBERS = 64  # gzip members of one body; each copies what is left, so thousands cost minutes


class BadEncodingError(ValueError):
    """The body is not what its Content-Encoding says."""


class TooLargeError(ValueError):
    """The body is larger than the cap, decompressed."""


class Decoded(NamedTuple):
    """Text, its character set, and how that was chosen."""

    text: str
    encoding: str
    how: str  # bom | header | meta | utf-8 | detected


def unpack(body: bytes, content_encoding: str, limit: int) -> bytes:
    """The body without its content encoding; at most `limit` bytes.

    Raises TooLargeError beyond the limit (never holding much more) and
    BadEncodingError for an unknown encoding or damaged data.
    """
    names = [name.strip().lower() for name in content_encoding.split(",") if name.strip()]
    for name in reversed(names):
        if name != "identity":
            body = _unpack_one(body, name, limit)
    if len(body) > limit:
        raise TooLargeError(f"more than {limit:,} bytes")
    return body


def _unpack_one(body: bytes, name: str, limit: int) -> bytes:
    if name == "deflate":  # servers send zlib's format or the raw one under this name
        raw = len(body) < 2 or (body[0] & 0x0F) != 8 or (body[0] << 8 | body[1]) % 31
        return _inflate(body, -15 if raw else 15, limit)
    if name in ("gzip", "x-gzip"):
        return _inflate(body, 31, limit)
    if name == "br":
        return _unbrotli(body, limit)
    raise BadEncodingError(f"unknown content encoding {name!r}")


def _inflate(body: bytes, window: int, limit: int) -> bytes:
    out = bytearray()
    rest = body
    for _ in range(_MOST_MEMBERS):
        if not rest:
            break
        # Half the time of zlib, which would be the largest share of a page's.
        inflater = zlib_ng.decompressobj(window)
        try:
            out += inflater.decompress(rest, limit + 1 - len(out))
        except _BAD_DATA as error:
            if out:  # trailing rubbish after a whole member is common and harmless
                break
            raise BadEncodingError(str(error)) from None
        if len(out) > limit:
            raise TooLargeError(f"more than {limit:,} bytes")
        if not inflater.eof:
            raise BadEncodingError("the compressed body is cut")
        rest = inflater.unused_data
    return bytes(out)


def _unbrotli(body: bytes, limit: int) -> bytes:
    """Takes the output in steps: some bytes of brotli can stand for gigabytes."""
    decompressor, out = brotli.Decompressor(), bytearray()
    try:
        # All input taken in does not mean all output given out: only an empty step does.
        piece = decompressor.process(body, output_buffer_limit=_STEP)
        while piece and len(out) <= limit:
            out += piece
            piece = decompressor.process(b"", output_buffer_limit=_STEP)
    except brotli.error as error:
        raise BadEncodingError(str(error)) from None
    if len(out) > limit:
        raise TooLargeError(f"more than {limit:,} bytes")
    if not decompressor.is_finished():
        raise BadEncodingError("the compressed body is cut")
    return bytes(out)


_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HEADER = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.I)
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.I)
_XML = re.compile(rb"\s*<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w.:-]+)", re.I)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.S)
#: Labels that servers send by default, whatever the page is in.
_ONE_BYTE = frozenset({"windows-1252", "iso8859-15"})
_META_BYTES = 4096  # browsers look at 1024; real pages put long scripts before it
#: What browsers decode under a name (WHATWG Encoding, 4.2) where Python's codec knows fewer
#: characters, and the web's name where resiliparse gives Python's.
_WIDER = {
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "gbk": "gb18030",
    "cp1252": "windows-1252",
}


def decode(body: bytes, content_type: str) -> Decoded:
    """The text of a page; never fails, bytes that do not fit become U+FFFD."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return Decoded(body.removeprefix(mark).decode(name, "replace"), name, "bom")
    plain = _try(body, "utf-8")
    for label, how in _labels(body, content_type):
        known = _known(label)
        # Text in a one-byte set is hardly ever valid UTF-8 by chance: the label is wrong.
        if known in _ONE_BYTE and plain is not None and not body.isascii():
            continue
        # Markup in UTF-16 has zeros; a meta element that can be read is in another set.
        if known.startswith("utf-16") and (how == "meta" or b"\0" not in body):
            continue
        text = plain if known == "utf-8" else _try(body, known)
        if text is not None:
            return Decoded(text, known, how)
    if plain is not None:
        return Decoded(plain, "utf-8", "utf-8")
    name = _known(detect_encoding(body) or "") or "windows-1252"
    text = body.decode(name, "replace")
    if name == "utf-8" and _mostly_holes(text):
        name = "windows-1252"
        text = body.decode(name, "replace")
    return Decoded(text, name, "detected")


def _mostly_holes(text: str) -> bool:
    """True when more characters beyond ASCII were lost than read.

    The detector says UTF-8 for a page with a few curly quotes in windows-1252 (556 of 2,556
    manual pages), and for UTF-8 that was cut in the middle of a character as well.
    """
    holes = text.count("\ufffd")
    return 2 * holes > len(text) - len(text.encode("ascii", "ignore"))


def _labels(body: bytes, content_type: str) -> Iterator[tuple[str, str]]:
    """The labels of a page, as the server and the page give them, and where they stood."""
    if match := _HEADER.search(content_type):
        yield match[1], "header"
    head = body[:_META_BYTES]
    if b"<!--" in head:
        head = _COMMENT.sub(b"", head)
    if declared := _META.search(head) or _XML.match(head):
        yield declared[1].decode(), "meta"


def _known(label: str) -> str:
    """The character set that browsers take a label for; empty for one they do not know.

    Python knows more names than the web does, some of them dangerous (`idna` takes
    quadratic time, `utf-7` hides markup), so its own look-up is not asked.
    """
    name = map_encoding_to_html5(label.strip().lower(), fallback_utf8=False) or ""
    return _WIDER.get(name, name)


def _try(body: bytes, name: str) -> str | None:
    """Strictly, except that windows-1252 has five holes that browsers let pass."""
    if not name:
        return None
    try:
        return body.decode(name, "replace" if name == "windows-1252" else "strict")
    except UnicodeDecodeError:
        return None
