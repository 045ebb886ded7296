"""WARC files (ISO 28500): one gzip member a record, written and read here.

A member for each record is what readers need for random access; one stream around
many records is the classic way to make an archive that others cannot open.
"""

from __future__ import annotations

import hashlib
import uuid
import zlib
from base64 import b32encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from io import BytesIO
from typing import IO

from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType

from pipeline.store import files
from pipeline.store.decode import TooLargeError
from pipeline.store.errors import WebtextError


@dataclass(frozen=True)
class Response:
    """One archived answer: where it lies, and what it says."""

    offset: int
    url: str
    status: int
    headers: dict[str, str]  # of HTTP, names in lower case
    body: bytes  # as received, content encoding and all
    date: int  # seconds since 1970


@dataclass(frozen=True)
class Revisit:
    """A record that says: the same body as another record's, which holds it."""

    url: str
    payload: str  # digest of the body, as `payload_digest` writes it
    date: int


class BadRecordError(ValueError):
    """A record that is damaged, cut, or not what it should be."""


def member(data: bytes, level: int = 6) -> bytes:
    """One gzip member without a time in its header."""
    packer = zlib.compressobj(level, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def record(kind: str, fields: Mapping[str, str], block: bytes, level: int = 6) -> bytes:
    """A whole WARC record as one gzip member."""
    lines = ["WARC/1.1", f"WARC-Type: {kind}"]
    lines += [f"{name}: {_one_line(value)}" for name, value in fields.items()]
    lines.append(f"Content-Length: {len(block)}")
    return member("\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n", level)


def _one_line(value: str) -> str:
    return value.replace("\r", "").replace("\n", " ")


def record_id() -> str:
    """A fresh record id."""
    return f"<urn:uuid:{uuid.uuid4()}>"


def warc_date(seconds: float) -> str:
    """A time as WARC writes it."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def payload_digest(body: bytes) -> str:
    """`sha1:` digest in base 32, the form that other tools compare."""
    return f"sha1:{b32encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode()}"


def http_block(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """Status line, headers and body of an answer.  Transfer encoding is undone by now."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}"]
    skipped = {"transfer-encoding", "content-length", "connection", "keep-alive", "set-cookie"}
    lines += [f"{n}: {_one_line(v)}" for n, v in headers if n.lower() not in skipped]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def named_headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name; values of one name are joined, of Content-Type the last holds."""
    fields: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        joined = key in fields and key != "content-type"
        fields[key] = f"{fields[key]}, {value}" if joined else value
    return fields


def responses(path: str) -> Iterator[Response]:
    """All responses of an archive, in order; WebtextError where it is cut or no archive."""
    return (record for record in captures(path) if isinstance(record, Response))


def captures(path: str) -> Iterator[Response | Revisit]:
    """All responses and revisits of an archive, in order.

    Raises WebtextError where it is cut or no archive.
    """
    with files.open_read(path) as stream:
        last = -1
        for record in _iterate(stream, path):
            last = record.stream_pos
            if record.record_type == WarcRecordType.revisit:
                payload = record.headers.get("WARC-Payload-Digest") or ""
                yield Revisit(_target(record), payload, _date(record))
            elif (response := _response(record)) is not None:
                yield response
        if last < 0:
            raise WebtextError(f"{path} holds no WARC record", "Is it an archive?")
        _refuse_cut(stream, path, last)


def read_records(path: str, offsets: Iterable[int]) -> Iterator[tuple[int, dict[str, str], bytes]]:
    """(offset, HTTP headers with lower-case names, body as received) at each of `offsets`."""
    with files.open_read(path) as stream:
        for offset in sorted(offsets):
            stream.seek(offset)
            record = next(iter(_iterate(stream, path)), None)
            response = _response(record) if record is not None else None
            if response is None:
                raise WebtextError(
                    f"{path} has no response at byte {offset:,}",
                    "It was changed since its pages were indexed: build the pages stage again",
                )
            yield offset, response.headers, response.body


def _iterate(stream: IO[bytes], path: str) -> Iterator[WarcRecord]:
    try:
        yield from ArchiveIterator(stream, parse_http=True, strict_mode=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise _cut(path, stream.tell(), str(error)) from error


def _response(record: WarcRecord) -> Response | None:
    http = record.http_headers
    if record.record_type != WarcRecordType.response or http is None:
        return None
    headers = named_headers(http.astuples())
    body, status = record.reader.read(), http.status_code or 0
    return Response(record.stream_pos, _target(record), status, headers, body, _date(record))


def _target(record: WarcRecord) -> str:
    return (record.headers.get("WARC-Target-URI") or "").strip("<>")


def _date(record: WarcRecord) -> int:
    try:
        return int(datetime.fromisoformat(record.headers.get("WARC-Date") or "").timestamp())
    except ValueError:
        return 0


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
        record = next(iter(ArchiveIterator(BytesIO(plain), parse_http=True)), None)
        response = _response(record) if record is not None else None
    except (OSError, RuntimeError, ValueError) as error:
        raise BadRecordError(f"no WARC record: {error}") from None
    if record is None or response is None:
        raise BadRecordError("no response record")
    fields = dict(record.headers.astuples())
    digest = fields.get("WARC-Payload-Digest", "")
    if digest.startswith("sha1:") and digest != payload_digest(response.body):
        raise BadRecordError("the body has not the digest that its record gives")
    return response, fields


def _refuse_cut(stream: IO[bytes], path: str, last: int) -> None:
    """Readers take a cut archive for a finished one; the last gzip member must be whole."""
    stream.seek(last)
    if stream.read(2) != b"\x1f\x8b":
        return  # not compressed: the record's length was checked by reading it
    stream.seek(last)
    inflater = zlib.decompressobj(31)
    while piece := stream.read(1 << 20):
        try:
            inflater.decompress(piece)
            while inflater.eof and inflater.unused_data:
                rest, inflater = inflater.unused_data, zlib.decompressobj(31)
                inflater.decompress(rest)
        except zlib.error as error:
            raise _cut(path, last, str(error)) from None
    if not inflater.eof:
        raise _cut(path, last, "its last record is incomplete")


def _cut(path: str, offset: int, how: str) -> WebtextError:
    return WebtextError(
        f"{path} is cut or damaged after byte {offset:,}: {how}",
        "Fetch the archive again, or leave it out of pages.warc",
    )
