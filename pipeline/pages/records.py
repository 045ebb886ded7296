"""The WARC records of a page: its response, the request where one was made, and the notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.pages import warc

#: (type, fields, block), ready to be packed.
Record = tuple[str, dict[str, str], bytes]


@dataclass(frozen=True)
class Capture:
    """A page as it is archived, wherever it came from."""

    url: str
    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes  # as received, content encoding and all
    date: int  # seconds since 1970: when the page looked like this
    #: Headers of the request; none where the page came out of somebody's archive.
    request: Sequence[tuple[str, str]] = ()
    #: What the metadata record says: the link and its id, origin, robots, character set.
    notes: Mapping[str, str] = field(default_factory=dict)


def page_records(capture: Capture) -> list[Record]:
    """Response, request and metadata records, the response first."""
    response = warc.record_id()
    common = {"WARC-Target-URI": capture.url, "WARC-Date": warc.warc_date(capture.date)}
    fields = {
        **common,
        "WARC-Record-ID": response,
        "WARC-Payload-Digest": warc.payload_digest(capture.body),
        "Content-Type": "application/http; msgtype=response",
    }
    block = warc.http_block(capture.status, capture.headers, capture.body)
    records: list[Record] = [("response", fields, block)]
    if capture.request:
        lines = [f"{name}: {value}" for name, value in capture.request]
        asked = "\r\n".join([f"GET {capture.url} HTTP/1.1", *lines]).encode() + b"\r\n\r\n"
        records.append(_beside("request", "application/http; msgtype=request", asked, fields))
    noted = "".join(f"{name}: {value}\r\n" for name, value in capture.notes.items() if value)
    records.append(_beside("metadata", "application/warc-fields", noted.encode(), fields))
    return records


def _beside(kind: str, media_type: str, block: bytes, response: Mapping[str, str]) -> Record:
    """A record that was made together with the response."""
    fields = {name: response[name] for name in ("WARC-Target-URI", "WARC-Date")}
    fields |= {
        "WARC-Record-ID": warc.record_id(),
        "WARC-Concurrent-To": response["WARC-Record-ID"],
        "Content-Type": media_type,
    }
    return kind, fields, block
