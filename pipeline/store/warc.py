"""WARC records (ISO 28500:2017, WARC/1.1): written as one gzip member each.

A member for each record is what readers need for random access; one stream around
many records is the classic way to make an archive that others cannot open.
`archives.py` reads them.
"""

from __future__ import annotations

import hashlib
import uuid
from base64 import b32encode
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus

from zlib_ng import zlib_ng

_SOFTWARE = "software: webtext\r\nformat: WARC File Format 1.1\r\n"
_CONFORMS = "conformsTo: https://iipc.github.io/warc-specifications/specifications/warc-format/"
#: Headers that no longer say the truth of a body without chunks; Common Crawl keeps them so, too.
_KEPT_AS = {
    "transfer-encoding": "X-Crawl-Transfer-Encoding",
    "content-length": "X-Crawl-Content-Length",
    "content-encoding": "X-Crawl-Content-Encoding",
}


def member(*pieces: bytes, level: int = 6) -> bytes:
    """One gzip member of all pieces, without a time in its header."""
    # A fifth of zlib's time for small records, a seventh for data that stay as they are.
    packer = zlib_ng.compressobj(level, zlib_ng.DEFLATED, 31)
    return b"".join([*(packer.compress(piece) for piece in pieces), packer.flush()])


def record(kind: str, fields: Mapping[str, str], block: bytes, level: int = 6) -> bytes:
    """A whole WARC record as one gzip member; its digest and length are added."""
    lines = ["WARC/1.1", f"WARC-Type: {kind}"]
    lines += [f"{name}: {_one_line(value)}" for name, value in fields.items()]
    lines += [f"WARC-Block-Digest: {sha1_digest(block)}", f"Content-Length: {len(block)}"]
    head = "\r\n".join([*lines, "", ""]).encode()
    return member(head, block, b"\r\n\r\n", level=level)


def warcinfo(file_name: str, seconds: float) -> tuple[str, bytes]:
    """The id and the record with which an archive begins: which file it is, who wrote it, when."""
    identity = record_id()
    fields = {
        "WARC-Record-ID": identity,
        "WARC-Date": warc_date(seconds),
        "WARC-Filename": file_name,
        "Content-Type": "application/warc-fields",
    }
    block = f"{_SOFTWARE}{_CONFORMS}warc-1.1/\r\n"
    return identity, record("warcinfo", fields, block.encode())


def _one_line(value: str) -> str:
    return value.replace("\r", "").replace("\n", " ")


def record_id() -> str:
    """A fresh record id."""
    return f"<urn:uuid:{uuid.uuid4()}>"


def warc_date(seconds: float) -> str:
    """A time as WARC writes it."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sha1_digest(data: bytes) -> str:
    """`sha1:` and the digest in base 32, the form that other tools compare."""
    return f"sha1:{b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()}"


def http_block(
    status: int,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    *,
    reason: str = "",
    coding: str | None = None,
) -> bytes:
    """Status line, headers and body of an answer without chunks.

    Cookies are left out.  `coding` is the content coding that the body really has, where the
    label may say another; without it the label stays.
    """
    kept, told = list[str](), {"content-length": str(len(body)), "transfer-encoding": ""}
    if coding is not None:
        told["content-encoding"] = coding
    for name, value in headers:
        key = name.lower()
        if key == "set-cookie" or (key in told and value == told[key]):
            continue
        kept.append(f"{_KEPT_AS[key] if key in told else name}: {_one_line(value)}")
    if coding:
        kept.append(f"Content-Encoding: {coding}")
    first = f"HTTP/1.1 {status} {_one_line(reason) or _phrase(status)}"
    lines = [first, *kept, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
