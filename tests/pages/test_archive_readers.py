"""What a crawl archives opens in other people's readers: warcio, FastWARC, pywb."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from fastwarc.warc import WarcRecordType
from support import PROJECT
from warcio.archiveiterator import ArchiveIterator
from warcio.checker import Checker

from pipeline.pages.crawl import Link
from pipeline.pages.group import Group
from pipeline.pages.settings import PagesSettings
from pipeline.pages.worker import fetch_group

from .page_server import page_server

PAGES = 40


class Crawled(NamedTuple):
    folder: Path
    rows: list[dict[str, Any]]

    @property
    def archives(self) -> list[Path]:
        return sorted(self.folder.glob("*.warc.gz"))


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Crawled:
    folder = tmp_path_factory.mktemp("pages")
    with page_server() as server:
        chosen = PagesSettings(via=server.origin, allow_hosts=("127.0.0.1",), delay=0.0)
        links = [
            Link(f"{i:032x}", f"http://h{i % 4}.test/{i}", f"h{i % 4}.test") for i in range(40)
        ]
        fetch_group(Group(0, 1, str(folder), "key", chosen, ()), links)
    (table,) = folder.glob("fetches-*.parquet")
    return Crawled(folder, pq.read_table(table).to_pylist())


def test_warcio(crawled: Crawled) -> None:
    kinds: Counter[str] = Counter()
    for path in crawled.archives:
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, check_digests="raise"):
                record.content_stream().read()
                kinds[record.rec_type] += 1
                assert "Set-Cookie" not in str(record.http_headers)
    # Pages 0, 10, 20, 30 are equal; 0 and 30 come compressed, so there are two pairs.
    expected = {"warcinfo": 1, "response": 38, "revisit": 2, "request": 40, "metadata": 40}
    assert kinds == expected


def test_warcio_check(crawled: Crawled, capsys: pytest.CaptureFixture[str]) -> None:
    """The checker of the command `warcio check`: digests, and one gzip member a record."""

    class Options:
        inputs = [str(path) for path in crawled.archives]
        verbose = True

    checker = Checker(Options)
    checker.process_all()
    assert checker.exit_value == 0, capsys.readouterr().out


def test_fastwarc(crawled: Crawled) -> None:
    offsets = {(row["warc_file"], row["warc_offset"]) for row in crawled.rows}
    found = set()
    for path in crawled.archives:
        with path.open("rb") as stream:
            for record in FastIterator(stream, parse_http=True):
                if record.record_type == WarcRecordType.response:
                    assert record.verify_payload_digest()
                    found.add((path.name, record.stream_pos))
    assert found == offsets


def test_a_revisit_names_its_first(crawled: Crawled) -> None:
    firsts = {(row["final_url"], row["fetched_at"]) for row in crawled.rows}
    for path in crawled.archives:
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream):
                if record.rec_type == "revisit":
                    headers = record.rec_headers
                    refers = headers.get_header("WARC-Refers-To-Target-URI")
                    assert refers in {url for url, _ in firsts}
                    assert headers.get_header("WARC-Refers-To-Date").endswith("Z")


def test_the_character_set_is_noted(crawled: Crawled) -> None:
    notes = []
    for path in crawled.archives:
        with path.open("rb") as stream:
            notes += [
                record.content_stream().read().decode()
                for record in ArchiveIterator(stream)
                if record.rec_type == "metadata"
            ]
    assert len(notes) == PAGES
    assert all("charset: utf-8\r\ncharset-by: header\r\n" in note for note in notes)
    assert all("origin: web\r\n" in note for note in notes)
    assert {(row["origin"], row["charset"], row["charset_by"]) for row in crawled.rows} == {
        ("web", "utf-8", "header")
    }


@pytest.fixture
def cdx_indexer() -> Iterator[Path]:
    place = PROJECT / ".venv-pywb" / "bin" / "cdx-indexer"
    if not place.is_file():
        pytest.skip("needs pywb: run `make peers`")
    yield place


@pytest.mark.system
def test_pywb_indexes_it(crawled: Crawled, cdx_indexer: Path) -> None:
    done = subprocess.run(
        [cdx_indexer, "-j", *crawled.archives], capture_output=True, text=True, check=True
    )
    entries = [json.loads(line.split(" ", 2)[2]) for line in done.stdout.splitlines()]
    pages = {row["final_url"]: (row["warc_file"], row["warc_offset"]) for row in crawled.rows}
    assert {entry["url"] for entry in entries} == pages.keys()
    for entry in entries:
        if entry.get("mime") != "warc/revisit":
            place = Path(entry["filename"]).name, int(entry["offset"])
            assert place == pages[entry["url"]] and entry["status"] == "200"
