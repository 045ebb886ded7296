"""A page as it is archived: its row in the fetch table, and its WARC records."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.pages.outcomes import Outcome
from pipeline.pages.screen import Judged
from pipeline.pages.table import Row, blank_row
from pipeline.store import warc

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
    #: Id of the response record; a fresh one unless the record is taken over.
    record_id: str = ""
    #: What the metadata record says: the link and its id, origin, robots, character set.
    notes: Mapping[str, str] = field(default_factory=dict)

    def row(self, link_id: str, link: str, judged: Judged, origin: str) -> Row:
        """The row of the fetch table; where it lies in an archive is still open."""
        ok = judged.outcome == Outcome.OK
        return blank_row(link_id, link, judged.outcome, origin) | {
            "final_url": self.url,
            "status": self.status,
            "content_type": warc.named_headers(self.headers).get("content-type", "")[:200],
            "bytes": len(self.body),
            "digest": hashlib.sha256(self.body).hexdigest() if ok else "",
            "fetched_at": self.date,
            "error": judged.error,
            "charset": judged.charset,
            "charset_by": judged.charset_by,
        }


def page_records(capture: Capture) -> list[Record]:
    """Response, request and metadata records, the response first."""
    response = capture.record_id or warc.record_id()
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
