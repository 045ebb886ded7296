"""Records of web archives as other writers make them."""

from __future__ import annotations

import gzip
from collections.abc import Iterable

from pipeline.store import warc


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: text/html", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def record(kind: str, url: str, block: bytes, **fields: str) -> bytes:
    """A WARC record as other writers make it: not compressed, with the address in brackets."""
    named = {
        "WARC-Type": kind,
        "WARC-Target-URI": f"<{url}>",
        "WARC-Date": "2015-06-01T00:00:00Z",
        "WARC-Record-ID": warc.record_id(),
        "Content-Type": "application/http;msgtype=response",
        **{name.replace("_", "-"): value for name, value in fields.items()},
        "Content-Length": str(len(block)),
    }
    lines = ["WARC/1.0", *(f"{name}: {value}" for name, value in named.items()), "", ""]
    return "\r\n".join(lines).encode() + block + b"\r\n\r\n"


def packed(records: Iterable[bytes]) -> bytes:
    """Each as a gzip member of its own."""
    return b"".join(gzip.compress(one, mtime=0) for one in records)
