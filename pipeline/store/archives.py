"""Reads web archives: WARC (plain, gzip, zstd), ARC, and WACZ, told apart by their first bytes.

A page is named by its file and the byte at which its record begins in it.  A WACZ file is a zip
file that holds WARC files as they are, so a byte of it names a record as well.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from typing import IO

from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType, any_type

from pipeline.store import files
from pipeline.store.arc import MAGIC, ArcRecord, BadArcError, read_arc
from pipeline.store.archive_files import (
    ZIP,
    Chained,
    FileSection,
    archives_in_zip,
    beginning_of,
    damaged,
    dictionary_of,
    refuse_cut,
    starts_with,
)
from pipeline.store.content_coding import TooLargeError
from pipeline.store.errors import WebtextError
from pipeline.store.http_answer import Headers, NoHttpError, read_archived
from pipeline.store.warc import sha1_digest

#: Bytes of a record beside its body that are read at most: headers, sizes of chunks.
_HEAD_BYTES = 1 << 20
_KINDS = (
    WarcRecordType.response
    | WarcRecordType.revisit
    | WarcRecordType.resource
    | WarcRecordType.metadata
)
_BAD_RECORD = (OSError, RuntimeError, ValueError)
_SCHEMES = ("http://", "https://")


@dataclass(frozen=True)
class Response:
    """One archived answer: where it lies, and what it holds."""

    offset: int
    url: str
    status: int
    headers: Headers
    body: bytes  # without chunks, with its content coding
    date: int  # seconds since 1970
    #: Why it is not all of the answer (`WARC-Truncated`); empty where it is.
    truncated: str = ""
    #: Digest of the body as the record gives it, else as `sha1_digest` writes it.
    payload: str = ""


@dataclass(frozen=True)
class Revisit:
    """A record that refers to the body of another."""

    url: str
    payload: str  # digest of the body, as the record gives it
    date: int


@dataclass(frozen=True)
class Note:
    """A metadata record: what a crawl noted of a page."""

    url: str
    fields: dict[str, str]
    date: int


class BadRecordError(ValueError):
    """A record that is damaged, cut, or not what it should be."""


def captures(path: str, most_bytes: int) -> Iterator[Response | Revisit | Note]:
    """All responses, resources, revisits and notes of an archive, in order.

    A body of more than `most_bytes` comes cut, as `truncated` says.  Raises WebtextError where
    the file is cut, no archive, or one gzip stream around many records.
    """
    with files.open_read(path) as stream:
        if starts_with(stream, ZIP):
            for start, length in archives_in_zip(stream, path):
                window = io.BufferedReader(FileSection(stream, start, length))
                for one in _captures(window, path, most_bytes):
                    offset = one.offset + start if isinstance(one, Response) else 0
                    yield replace(one, offset=offset) if isinstance(one, Response) else one
        else:
            yield from _captures(stream, path, most_bytes)


def responses(path: str, most_bytes: int = 1 << 30) -> Iterator[Response]:
    """All responses of an archive, in order; raises as `captures` does."""
    return (one for one in captures(path, most_bytes) if isinstance(one, Response))


def read_responses(
    path: str, offsets: Iterable[int], most_bytes: int = 1 << 30
) -> Iterator[Response]:
    """The response at each of `offsets`, in order; raises WebtextError where there is none."""
    with files.open_read(path) as stream:
        dictionary = dictionary_of(stream)
        for offset in sorted(offsets):
            stream.seek(offset)
            response = _read_response(stream, path, dictionary, most_bytes)
            if response is None:
                raise WebtextError(
                    f"{path} has no response at byte {offset:,}",
                    "It was changed since its pages were indexed: build the pages stage again",
                )
            yield replace(response, offset=offset)


def _read_response(
    stream: IO[bytes], path: str, dictionary: bytes, most_bytes: int
) -> Response | None:
    """The response at the stream's place."""
    if not dictionary and not beginning_of(stream).startswith(b"WARC/"):
        try:
            arc = next(read_arc(stream, most_bytes + _HEAD_BYTES), None)
        except BadArcError as error:
            raise damaged(path, stream.tell(), str(error)) from None
        return _arc_response(arc, most_bytes) if arc else None
    source = io.BufferedReader(Chained(dictionary, stream)) if dictionary else stream
    record = next(_records(source, path, any_type), None)
    with _damage_told(source, path):
        return _response(record, most_bytes) if record is not None else None


def read_member(data: bytes, most_bytes: int) -> tuple[Response, dict[str, str]]:
    """The response in one gzip member, and the fields of its WARC record.

    Raises BadRecordError where it is not one whole member with one whole response whose
    body has the digest that the record gives, and TooLargeError beyond `most_bytes`.
    """
    inflater = zlib.decompressobj(31)
    try:
        plain = inflater.decompress(data, most_bytes + 1)
    except zlib.error as error:
        raise BadRecordError(f"no gzip data: {error}") from None
    if len(plain) > most_bytes:
        raise TooLargeError(f"a record of more than {most_bytes:,} bytes")
    if not inflater.eof or inflater.unused_data:
        raise BadRecordError("not one whole gzip member")
    try:
        record = next(iter(ArchiveIterator(BytesIO(plain), parse_http=False)), None)
        response = _response(record, most_bytes) if record is not None else None
    except (OSError, RuntimeError, ValueError) as error:
        raise BadRecordError(f"no WARC record: {error}") from None
    if record is None or response is None:
        raise BadRecordError("no response record")
    fields = dict(record.headers.astuples())
    digest = fields.get("WARC-Payload-Digest", "")
    if digest.startswith("sha1:") and digest not in _payload_digests(plain, response):
        raise BadRecordError("the body has not the digest that its record gives")
    return response, fields


def _payload_digests(record: bytes, response: Response) -> set[str]:
    """The digests that writers give: of the body without chunks, or as it lies in the record."""
    _, _, block = record.partition(b"\r\n\r\n")
    stored = block.removesuffix(b"\r\n\r\n").partition(b"\r\n\r\n")[2]
    return {sha1_digest(response.body), sha1_digest(stored)}


def _captures(stream: IO[bytes], path: str, most_bytes: int) -> Iterator[Response | Revisit | Note]:
    """The captures of one archive from the stream's place on, whose end is checked."""
    beginning = beginning_of(stream)
    if beginning.startswith(b"WARC/"):
        yield from _warc_captures(stream, path, most_bytes)
    elif beginning.startswith(MAGIC):
        yield from _arc_captures(stream, path, most_bytes)
    else:
        raise WebtextError(
            f"{path} holds no record of a WARC or ARC file", "Is it an archive, or one that is cut?"
        )


def _warc_captures(
    stream: IO[bytes], path: str, most_bytes: int
) -> Iterator[Response | Revisit | Note]:
    start, packed = stream.tell(), not starts_with(stream, b"WARC/")
    size = stream.seek(0, io.SEEK_END)
    stream.seek(start)
    last = -1
    for record in _records(stream, path, _KINDS):
        if packed and (record.stream_pos == last or record.stream_pos >= size):
            raise damaged(path, max(last, 0), "one gzip stream around many records")
        last = record.stream_pos
        with _damage_told(stream, path):
            capture = _capture(record, most_bytes)
        if capture is not None:
            yield capture
    refuse_cut(stream, path, max(last, start))


def _arc_captures(stream: IO[bytes], path: str, most_bytes: int) -> Iterator[Response]:
    try:
        for record in read_arc(stream, most_bytes + _HEAD_BYTES):
            capture = _arc_response(record, most_bytes)
            if capture is not None:
                yield capture
    except BadArcError as error:
        raise damaged(path, stream.tell(), str(error)) from None


def _records(stream: IO[bytes], path: str, kinds: WarcRecordType) -> Iterator[WarcRecord]:
    with _damage_told(stream, path):
        yield from ArchiveIterator(stream, parse_http=False, strict_mode=False, record_types=kinds)


@contextmanager
def _damage_told(stream: IO[bytes], path: str) -> Iterator[None]:
    """Turns what FastWARC raises for a damaged file into WebtextError."""
    try:
        yield
    except WebtextError:
        raise
    except BaseException as error:
        # FastWARC is Rust: what it does not expect is a panic, which is no Exception.
        if isinstance(error, _BAD_RECORD) or type(error).__name__ == "PanicException":
            raise damaged(path, stream.tell(), str(error)) from error
        raise


def _capture(record: WarcRecord, most_bytes: int) -> Response | Revisit | Note | None:
    """What a record holds; None where that is nothing of the web."""
    url, kind = _target(record), record.record_type
    if not url.startswith(_SCHEMES):
        return None
    if kind == WarcRecordType.revisit:
        return _revisit(record, url)
    if kind == WarcRecordType.metadata:
        return Note(url, _fields(record.reader.read(_HEAD_BYTES)), _date(record))
    return _response(record, most_bytes)


def _revisit(record: WarcRecord, url: str) -> Response | Revisit:
    """What stands for another record; a redirect, which needs no body, for itself."""
    digest, date = record.headers.get("WARC-Payload-Digest") or "", _date(record)
    with suppress(NoHttpError):
        head, _ = read_archived(record.reader.read(_HEAD_BYTES))
        if 300 <= head.status < 400 and head.headers.values("location"):
            return Response(
                record.stream_pos, url, head.status, head.headers, b"", date, payload=digest
            )
    return Revisit(url, digest, date)


def _response(record: WarcRecord, most_bytes: int) -> Response | None:
    """The answer in a response or resource record; None where it is no answer of HTTP."""
    if record.record_type not in (WarcRecordType.response, WarcRecordType.resource):
        return None
    block = record.reader.read(most_bytes + _HEAD_BYTES)
    truncated = record.headers.get("WARC-Truncated") or ""
    if record.record_type == WarcRecordType.resource:
        kind = record.headers.get("Content-Type") or ""
        status, headers, body = 200, Headers([("Content-Type", kind)]), block
    else:
        try:
            head, body = read_archived(block)
        except NoHttpError:
            return None
        status, headers = head.status, head.headers
    if len(body) > most_bytes or record.content_length > len(block):
        truncated = "length"
    return Response(
        record.stream_pos,
        _target(record),
        status,
        headers,
        body[:most_bytes],
        _date(record),
        truncated,
        record.headers.get("WARC-Payload-Digest") or sha1_digest(body),
    )


def _arc_response(record: ArcRecord, most_bytes: int) -> Response | None:
    if not record.url.startswith(_SCHEMES):
        return None
    try:
        head, body = read_archived(record.block)
    except NoHttpError:
        return None
    cut = "length" if record.cut or len(body) > most_bytes else ""
    return Response(
        record.offset,
        record.url,
        head.status,
        head.headers,
        body[:most_bytes],
        record.date,
        cut,
        sha1_digest(body),
    )


def _fields(block: bytes) -> dict[str, str]:
    """The fields of a block of `application/warc-fields`, names in lower case."""
    lines = (line.partition(":") for line in block.decode("utf-8", "replace").splitlines())
    return {name.strip().lower(): value.strip() for name, colon, value in lines if colon}


def _target(record: WarcRecord) -> str:
    return (record.headers.get("WARC-Target-URI") or "").strip("<>")


def _date(record: WarcRecord) -> int:
    try:
        date = datetime.fromisoformat(record.headers.get("WARC-Date") or "")
    except ValueError:
        return 0
    return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())
