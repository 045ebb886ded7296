"""Undoes content codings (gzip, deflate, brotli, zstd) of a body, whatever its label says.

Labels lie: a page may be compressed without a label, plain under one, compressed twice and
labelled once, or in another coding than the label's; archives keep labels of what was undone
before (Common Crawl before August 2018, the Wayback Machine).  So the first bytes decide where
they can, then the label, and what no coding fits is taken as it is where it reads as text.
Output is capped: a few bytes can stand for gigabytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple, cast

import brotli
import zstandard
from zlib_ng import zlib_ng

from pipeline.store.media_type import reads_as_text

_STEP = 1 << 16  # bytes taken out of a decompressor at once; a bomb overshoots the cap by no more
_LENIENT_STEP = 1 << 12  # bytes given at once where what comes before an error is to be kept
#: Bytes of zstd given at once: a block of 4 bytes can stand for 128 KiB, so 64 of them for 8 MiB.
_ZSTD_STEP = 1 << 8
_ZSTD_WINDOW = 1 << 23  # RFC 9659: no more may be asked of a browser
_MOST_MEMBERS = 64  # gzip members of one body; each copies what is left, so thousands cost minutes
_MOST_NAMES = 8  # codings of a label that are looked at
_LEAST_GUESSED = 64  # bytes; fewer may be of any coding by chance
_MOST_LAYERS = 3  # codings that are undone though no label names them
_GZIP_MAGIC = b"\x1f\x8b\x08"
#: A frame of zstd, or one that is to be skipped (RFC 8878, 3.1).
_ZSTD_FRAME = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")
#: What may stand before marked data: blank lines of a script, its byte order mark.
_BEFORE = b"\r\n\t \xef\xbb\xbf"
#: Names of RFC 9110, 8.4.1, RFC 8878 and RFC 7932, their older forms, and those of the formats.
_KINDS = {
    **dict.fromkeys(("gzip", "x-gzip"), "gzip"),
    **dict.fromkeys(("deflate", "x-deflate", "zlib"), "zlib"),
    **dict.fromkeys(("br", "brotli"), "br"),
    **dict.fromkeys(("zstd", "zstandard"), "zstd"),
}
_NAMES = {"gzip": "gzip", "zlib": "deflate", "br": "br", "zstd": "zstd"}
#: Names that are no coding at all, or one that an archive has undone.
_NO_CODING = frozenset(
    {"identity", "none", "utf-8", "utf8", "binary", "8bit", "7bit", "text", "aws-chunked"}
)
_SKIPPED = b"\x2a\x4d\x18"  # behind the first byte of a frame that is to be skipped
_NAME = re.compile(r"[A-Za-z0-9._/-]+")


class BadEncodingError(ValueError):
    """The body is compressed in a way that cannot be undone."""


class TooLargeError(ValueError):
    """The body is larger than the cap, decompressed."""


class Unpacked(NamedTuple):
    """A body without its codings; not `whole` where compressed data end in the middle."""

    data: bytes
    whole: bool = True
    #: The codings that were undone, in the order in which the server applied them.
    codings: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What Content-Encoding should have said."""
        return ", ".join(self.codings)


def unpack(body: bytes, label: str, limit: int) -> Unpacked:
    """The body without its content codings; at most `limit` bytes.

    `label` is the value of Content-Encoding, several headers joined by commas.  Raises
    TooLargeError beyond the limit (never holding much more), and BadEncodingError for data
    that are damaged from the start, or in a coding that is not known.
    """
    names = [name.lower() for name in _NAME.findall(re.sub(r";[^,]*", "", label))][-_MOST_NAMES:]
    unpacked = Unpacked(body)
    for name in reversed(names):
        unpacked = _undo(unpacked, _KINDS.get(name), limit)
    with suppress(BadEncodingError):  # what only begins like a coding stays as it is
        for _ in range(_MOST_LAYERS):
            unpacked = _undo(unpacked, None, limit)
    if len(unpacked.data) > limit:
        raise TooLargeError(f"more than {limit:,} bytes")
    unknown = [name for name in names if name not in _KINDS and name not in _NO_CODING]
    if unknown and not unpacked.codings and not reads_as_text(unpacked.data):
        raise BadEncodingError(f"unknown content encoding {unknown[0]!r}")
    return unpacked


def _kind_of(body: bytes) -> str | None:
    """The coding that the first bytes tell; brotli and raw deflate have no such mark."""
    start = body[:64].lstrip(_BEFORE)
    if start.startswith(_GZIP_MAGIC):
        return "gzip"
    return "zstd" if _ZSTD_FRAME.match(start) else None


def _undo(packed: Unpacked, labelled: str | None, limit: int) -> Unpacked:
    """One coding less; the same where there is none, whatever the label says.

    Where the first bytes are no help, the coding of the label is tried, then the body is taken
    as it is if it reads as text, then the other codings are tried; last comes what the label's
    coding could read of damaged data.  Without a label a body that no coding fits stays as it is.
    """
    marked = _kind_of(packed.data)
    kind, body = marked or labelled, packed.data
    if not body or (kind is None and reads_as_text(body)):
        return packed
    if marked:
        body = body.lstrip(_BEFORE)
    reading = _read(kind, body, limit) if kind else None
    if reading is None or not reading.whole:
        if not marked and reads_as_text(body):
            return packed
        reading = (None if marked else _guess(body, limit)) or reading
    if reading is None and kind is None:
        return packed
    if labelled is None and reading is not None and not reading.data:
        return packed  # eight bytes may be a frame of zstd that is to be skipped, by chance
    if reading is None:
        raise BadEncodingError(f"no {kind} data, nor any other coding's")
    return Unpacked(reading.data, reading.whole and packed.whole, reading.codings + packed.codings)


def _guess(body: bytes, limit: int) -> Unpacked | None:
    """A coding that reads a body whole and as text, and makes more of it; None without one."""
    if len(body) < _LEAST_GUESSED:
        return None
    for name in _READERS:
        with suppress(TooLargeError):  # by chance, since nothing says that it is this coding
            reading = _read(name, body, limit)
            if reading is None or not reading.whole or len(reading.data) < len(body):
                continue
            if reads_as_text(reading.data):
                return reading
    return None


def _read(kind: str, body: bytes, limit: int) -> Unpacked | None:
    """What one coding makes of a body; None where it is not of this coding."""
    data, whole = _READERS[kind](body, limit)
    return Unpacked(data, whole, (_NAMES[kind],)) if data or whole else None


def _gunzip(body: bytes, limit: int) -> tuple[bytes, bool]:
    """All gzip members; data that end early or fail their checksum are read as far as they go."""
    pieces, size, rest = list[bytes](), 0, body
    for _ in range(_MOST_MEMBERS):
        if not rest.startswith(_GZIP_MAGIC):  # rubbish after a whole member is common, harmless
            break
        # Half the time of zlib, which would be the largest share of a page's.
        inflater, piece = zlib_ng.decompressobj(31), b""
        with suppress(_BAD_DATA):
            piece = inflater.decompress(rest, limit + 1 - size)
        if size + len(piece) > limit:
            raise TooLargeError(f"more than {limit:,} bytes")
        if not inflater.eof:
            piece, whole = _inflate_raw(rest, _gzip_header(rest), limit - size)
            return b"".join([*pieces, piece]), whole or (size > 0 and not piece)
        pieces.append(piece)
        size += len(piece)
        rest = inflater.unused_data
    return b"".join(pieces), rest is not body


def _gzip_header(member: bytes) -> int:
    """Where the deflate data of a gzip member begin (RFC 1952, 2.3)."""
    flags, position = member[3] if len(member) > 3 else 0, 10
    if flags & 4:  # FEXTRA
        position += 2 + int.from_bytes(member[position : position + 2], "little")
    for flag in (8, 16):  # FNAME, FCOMMENT
        if flags & flag:
            end = member.find(b"\0", position)
            position = end + 1 if end >= 0 else len(member)
    return position + (2 if flags & 2 else 0)  # FHCRC


def _inflate(body: bytes, limit: int) -> tuple[bytes, bool]:
    """Deflate data in zlib's format (RFC 1950), its checksum not asked for, or raw."""
    if len(body) > 2 and (body[0] & 0x0F) == 8 and not (body[0] << 8 | body[1]) % 31:
        data, whole = _inflate_raw(body, 2, limit)
        if data:
            return data, whole
    return _inflate_raw(body, 0, limit)


def _inflate_raw(body: bytes, start: int, limit: int) -> tuple[bytes, bool]:
    """Raw deflate data from `start` on, and whether they came to their end."""
    inflater, out = zlib_ng.decompressobj(-15), bytearray()
    for position in range(start, len(body), _LENIENT_STEP):
        piece = body[position : position + _LENIENT_STEP]
        try:
            while piece and not inflater.eof:
                out += inflater.decompress(piece, limit + 1 - len(out))
                _refuse_large(out, limit)
                piece = inflater.unconsumed_tail
        except _BAD_DATA:
            break
        if inflater.eof:
            return bytes(out), True
    return bytes(out), False


def _unbrotli(body: bytes, limit: int) -> tuple[bytes, bool]:
    """Brotli (RFC 7932).  The library gives nothing of a call that meets an error.

    So where there is one, as where bytes stand behind the end, the call that meets it is found
    and its bytes are given one by one.
    """
    out, whole, taken = _unbrotli_by(body, [len(body)], limit)
    if taken < len(body) and not whole:
        steps = range(_LENIENT_STEP, len(body) + _LENIENT_STEP, _LENIENT_STEP)
        taken = _unbrotli_by(body, steps, limit)[2]
        singles = range(taken + 1, min(taken + _LENIENT_STEP, len(body)) + 1)
        out, whole, _ = _unbrotli_by(body, [taken, *singles], limit)
    return bytes(out), whole


def _unbrotli_by(body: bytes, ends: Iterable[int], limit: int) -> tuple[bytearray, bool, int]:
    """What calls with the bytes up to each of `ends` give, whether the data came to their end,
    and how many bytes were taken without an error."""
    decompressor, out, taken = brotli.Decompressor(), bytearray(), 0
    for end in ends:
        piece = body[taken:end]
        try:
            # In steps, and until nothing comes: some bytes can stand for gigabytes.
            while given := decompressor.process(piece, output_buffer_limit=_STEP):
                out += given
                _refuse_large(out, limit)
                piece = b""
        except brotli.error:
            break
        taken = end
        if decompressor.is_finished():
            return out, True, taken
    return out, False, taken


def _unzstd(body: bytes, limit: int) -> tuple[bytes, bool]:
    """All zstd frames (RFC 8878)."""
    out, rest = bytearray(), body
    for _ in range(_MOST_MEMBERS):
        if not _ZSTD_FRAME.match(rest):
            break
        if rest[1:4] == _SKIPPED:
            end = 8 + int.from_bytes(rest[4:8], "little")
            if end > len(rest):
                return bytes(out), False
            rest = rest[end:]
            continue
        frame = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
        position = 0
        with suppress(zstandard.ZstdError):
            while position < len(rest) and not frame.eof:
                out += frame.decompress(rest[position : position + _ZSTD_STEP])
                _refuse_large(out, limit)
                position += _ZSTD_STEP
        if not frame.eof:
            return bytes(out), False
        rest = frame.unused_data + rest[position:]
    return bytes(out), rest is not body


def _refuse_large(out: bytes | bytearray, limit: int) -> None:
    if len(out) > limit:
        raise TooLargeError(f"more than {limit:,} bytes")


_BAD_DATA = cast("type[Exception]", zlib_ng.error)  # its stub takes the class for an instance
_READERS: dict[str, Callable[[bytes, int], tuple[bytes, bool]]] = {
    "gzip": _gunzip,
    "zlib": _inflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
