"""A small crawl in Common Crawl's layout: archives of real pages and a columnar index of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.store import warc
from pipeline.store.addresses import canonical_key, page_id
from pipeline.store.parts import PartWriter, bucket_of, part_name
from pipeline.store.schemas import SCHEMAS

#: The columns that are used, with the types of the published table, and one that is not.
INDEX = pa.schema(
    [
        ("url_surtkey", pa.string()),
        ("url", pa.string()),
        ("url_host_name", pa.string()),
        ("fetch_time", pa.timestamp("ms")),
        ("fetch_status", pa.int16()),
        ("content_digest", pa.string()),
        ("warc_filename", pa.string()),
        ("warc_record_offset", pa.int32()),
        ("warc_record_length", pa.int32()),
    ]
)


@dataclass
class CrawlArchive:
    """One archive in the making, and its rows of the index."""

    name: str = "crawl-data/CC-MAIN-2024-10/segments/1/warc/CC-MAIN-00000.warc.gz"
    data: bytearray = field(default_factory=lambda: bytearray(b"first record, not ours"))
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        url: str,
        body: bytes,
        date: str = "2024-02-20",
        *,
        headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/html"),),
        fields: dict[str, str] | None = None,
        packed: bytes | None = None,
        **index: Any,
    ) -> None:
        """Appends a capture; `packed` is written in its place, `index` changes its row."""
        when = datetime.fromisoformat(date).replace(tzinfo=UTC)
        digest = warc.sha1_digest(body)
        told = {
            "WARC-Date": warc.warc_date(when.timestamp()),
            "WARC-Record-ID": warc.record_id(),
            "WARC-Target-URI": url,
            "WARC-Payload-Digest": digest,
            "Content-Type": "application/http; msgtype=response",
        }
        block = warc.http_block(200, headers, body)
        if packed is None:
            packed = warc.record("response", told | (fields or {}), block)
        row = {
            "url_surtkey": "",
            "url": url,
            "url_host_name": urlsplit(url).hostname,
            "fetch_time": when.replace(tzinfo=None),
            "fetch_status": 200,
            "content_digest": digest.removeprefix("sha1:"),
            "warc_filename": self.name,
            "warc_record_offset": len(self.data),
            "warc_record_length": len(packed),
        }
        self.rows.append(row | index)
        self.data += packed

    def write_index(self, path: Path) -> None:
        pq.write_table(pa.Table.from_pylist(self.rows, schema=INDEX), path, row_group_size=7)


def write_links(folder: Path, urls: dict[str, str], parts: int = 2) -> tuple[str, ...]:
    """Parts of a links stage; `urls` gives the day each was first seen, empty for none."""
    rows = []
    for url, day in urls.items():
        key = canonical_key(url)
        seen = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) if day else None
        rows.append(
            {
                "id": page_id(key),
                "key": key,
                "url": url,
                "host": urlsplit(url).netloc,
                "karma": 3,
                "first_seen": seen,
                "mentions": [],
            }
        )
    rows.sort(key=lambda row: str(row["id"]))
    paths = []
    for number in range(parts):
        name = part_name(number, parts)
        with PartWriter(str(folder), name, SCHEMAS["links"], "links") as writer:
            writer.add(row for row in rows if bucket_of(str(row["id"]), parts) == number)
        paths.append(str(folder / name))
    return tuple(paths)
