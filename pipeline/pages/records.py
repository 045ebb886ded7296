"""A page as it is archived: its row in the fetch table, and its WARC records."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.pages.outcomes import Outcome
from pipeline.pages.screen import Judged
from pipeline.pages.table import Row, blank_row, preference_columns
from pipeline.store import warc
from pipeline.store.http_answer import Headers


class Record(NamedTuple):
    """A WARC record that is ready to be packed."""

    kind: str
    fields: dict[str, str]
    block: bytes


@dataclass(frozen=True)
class Capture:
    """A page, or a redirect to one, as it is archived, wherever it came from."""

    url: str
    status: int
    headers: Headers
    body: bytes  # as received, without chunks
    date: int  # seconds since 1970: when the page looked like this
    reason: str = ""
    #: The request as it was sent; empty where the page came out of somebody's archive.
    request: bytes = b""
    #: The address of the server, and the protocol; empty out of somebody's archive.
    address: str = ""
    protocol: str = ""
    #: Id of the response record; a fresh one unless the record is taken over.
    record_id: str = ""
    #: The content coding that the body has; None where its label is to stay.
    coding: str | None = None
    #: What the metadata record holds: the link and its id, origin, robots, character set.
    notes: Mapping[str, str] = field(default_factory=dict)

    def row(self, link_id: str, link: str, judged: Judged, origin: str) -> Row:
        """The row of the fetch table; where it lies in an archive is still open."""
        ok = judged.outcome == Outcome.OK
        return (
            blank_row(link_id, link, judged.outcome, origin)
            | preference_columns(judged.preference, self.date)
            | {
                "final_url": self.url,
                "status": self.status,
                "content_type": self.headers.joined("content-type")[:200],
                "bytes": len(self.body),
                "digest": hashlib.sha256(self.body).hexdigest() if ok else "",
                "fetched_at": self.date,
                "error": judged.error,
                "charset": judged.charset,
                "charset_by": judged.charset_by,
            }
        )


def page_records(capture: Capture) -> list[Record]:
    """Response, request and metadata records, the response first."""
    fields = {
        "WARC-Record-ID": capture.record_id or warc.record_id(),
        "WARC-Date": warc.warc_date(capture.date),
        "WARC-Target-URI": capture.url,
    }
    sent = {"WARC-IP-Address": capture.address, "WARC-Protocol": capture.protocol}
    sent = {name: value for name, value in sent.items() if value}
    response = fields | sent
    response["WARC-Payload-Digest"] = warc.sha1_digest(capture.body)
    response["Content-Type"] = "application/http; msgtype=response"
    answer = warc.http_block(
        capture.status,
        capture.headers,
        capture.body,
        reason=capture.reason,
        coding=capture.coding,
    )
    records = [Record("response", response, answer)]
    beside = [("application/http; msgtype=request", "request", capture.request)]
    notes = (f"{name}: {value}\r\n" for name, value in capture.notes.items() if value)
    beside.append(("application/warc-fields", "metadata", "".join(notes).encode()))
    for media_type, kind, block in beside:
        if block:
            own = _beside(fields) | (sent if kind == "request" else {})
            records.append(Record(kind, own | {"Content-Type": media_type}, block))
    return records


def _beside(response: Mapping[str, str]) -> dict[str, str]:
    """The fields of a record that was made together with the response."""
    return {
        "WARC-Record-ID": warc.record_id(),
        "WARC-Date": response["WARC-Date"],
        "WARC-Target-URI": response["WARC-Target-URI"],
        "WARC-Concurrent-To": response["WARC-Record-ID"],
    }
