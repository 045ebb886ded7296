"""Odd answers come through the whole crawl, and out of its archives again."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from warcio.archiveiterator import ArchiveIterator

from benchmarks.odd_answers import ANSWERS, PAGE
from pipeline.pages.crawl import Link
from pipeline.pages.group import Group
from pipeline.pages.settings import PagesSettings
from pipeline.pages.worker import fetch_group
from pipeline.store.addresses import page_id
from pipeline.store.archives import read_responses
from pipeline.store.content_coding import unpack

from .raw_server import by_host, serving

HOSTS = {f"n{number}.test": name for number, name in enumerate(ANSWERS)}

#: Bodies that are kept as they came, and that warcio does not forgive.
DAMAGED = {
    f"encoding/gzip-with-{what}" for what in ("wrong-checksum", "wrong-size", "blank-line-before")
}


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd")
    with serving(by_host({host: ANSWERS[name] for host, name in HOSTS.items()})) as port:
        settings = PagesSettings(
            via=f"http://127.0.0.1:{port}", allow_hosts=("127.0.0.1",), delay=0.0, attempts=1
        )
        links = [Link(page_id(host), f"http://{host}/page", host) for host in HOSTS]
        fetch_group(Group(0, 1, str(folder), "key", settings, ()), links)
    return folder


def test_every_odd_answer_is_a_page(crawled: Path) -> None:
    (table,) = crawled.glob("fetches-*.parquet")
    rows = {row["url"].split("/")[2]: row for row in pq.read_table(table).to_pylist()}
    ended = {name: (rows[host]["outcome"], rows[host]["error"]) for host, name in HOSTS.items()}
    assert ended == dict.fromkeys(HOSTS.values(), ("ok", ""))
    for row in rows.values():
        page = next(read_responses(str(crawled / row["warc_file"]), [row["warc_offset"]]))
        label = page.headers.joined("content-encoding")
        assert unpack(page.body, label, 1_000_000).data == PAGE
        assert row["charset"] == "utf-8"


def test_they_are_archived_as_other_readers_expect_them(crawled: Path) -> None:
    """With the coding that the body has, without chunks, and with headers that others parse."""
    good, damaged = 0, set()
    for path in crawled.glob("*.warc.gz"):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, check_digests="raise"):
                # warcio fails on brotli with the library of today, and does not know zstd.
                coding = record.http_headers and record.http_headers.get_header("Content-Encoding")
                if record.rec_type == "response" and coding in (None, "gzip", "deflate"):
                    if record.content_stream().read().startswith(PAGE[:700]):
                        good += 1
                    else:
                        url = record.rec_headers.get_header("WARC-Target-URI")
                        damaged.add(HOSTS[url.split("/")[2]])
    assert good > 8  # of equal bodies the first; the rest are revisits
    assert damaged <= DAMAGED
