"""A crawl that is killed at any moment goes on: nothing lost, nothing fetched twice."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from forks import Command
from warcio.archiveiterator import ArchiveIterator

from pipeline.pages.crawl import Link
from pipeline.pages.group import Group
from pipeline.pages.settings import PagesSettings
from pipeline.pages.worker import fetch_group
from pipeline.store.archives import read_responses
from pipeline.store.parts import Part

from .hostile_server import HostileServer, hostile_server

LINKS = [(f"{i:032x}", f"http://h{i % 5}.test/{i}", f"h{i % 5}.test") for i in range(150)]
CHILD = """
import sys
from pipeline.pages.crawl import Link
from pipeline.pages.group import Group
from pipeline.pages.settings import PagesSettings
from pipeline.pages.worker import fetch_group
origin, folder = sys.argv[1:]
links = [Link(f"{i:032x}", f"http://h{i % 5}.test/{i}", f"h{i % 5}.test") for i in range(150)]
settings = PagesSettings(via=origin, allow_hosts=("127.0.0.1",), delay=0.02)
fetch_group(Group(0, 8, folder, "key", settings, ()), links)
"""


def group(server: HostileServer, folder: Path, of: int = 8, key: str = "key") -> list[Part]:
    settings = PagesSettings(via=server.origin, allow_hosts=("127.0.0.1",), delay=0.0)
    links = [Link(*link) for link in LINKS]
    return fetch_group(Group(0, of, str(folder), key, settings, ()), links)


def crawl_until(server: HostileServer, folder: Path, pages: int) -> None:
    """A crawl in a process of its own, which is killed when so many pages were asked for."""
    child = Command("-c", CHILD, server.origin, str(folder), folder=folder)
    while sum(path[1:].isdigit() for _, path in server.asked) < pages:
        assert child.poll() is None, child.output()
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()


@pytest.mark.parametrize("pages", [1, 40, 100])
def test_killed_and_resumed(tmp_path: Path, pages: int) -> None:
    with hostile_server() as server:
        crawl_until(server, tmp_path, pages)
        parts = group(server, tmp_path)
        asked = [path for _, path in server.asked if path[1:].isdigit()]
    table, *archives = parts
    assert table.counts.kept == table.file.rows == len(LINKS)
    assert set(asked) == {f"/{i}" for i in range(150)}
    assert len(asked) - 150 <= 5  # at most what was in flight: one page a host
    for archive in archives:
        with (tmp_path / archive.file.name).open("rb") as stream:
            kinds = [record.rec_type for record in ArchiveIterator(stream)]
        assert kinds[0] == "warcinfo" and {"request", "metadata"} <= set(kinds)


def test_torn_tails_are_cut(tmp_path: Path) -> None:
    """What a kill in the middle of a write leaves behind, byte by byte."""
    with hostile_server() as server:
        crawl_until(server, tmp_path, 50)
        (journal,) = tmp_path.rglob("*.jsonl")
        (archive,) = tmp_path.rglob("*.warc.gz")
        journal.write_bytes(journal.read_bytes() + b'{"id": "torn')
        archive.write_bytes(archive.read_bytes() + b"\x1f\x8b\x08\x00torn")
        table, finished = group(server, tmp_path)
    assert table.counts.kept == len(LINKS)
    with (tmp_path / finished.file.name).open("rb") as stream:
        assert sum(1 for _ in ArchiveIterator(stream)) > len(LINKS)


def test_archives_of_another_number_of_groups_stay(tmp_path: Path) -> None:
    """Links were added, so there are more groups: rows taken over still have their archive."""
    with hostile_server() as server:
        _, first = group(server, tmp_path, of=8)
        asked = len(server.asked)
        parts = group(server, tmp_path, of=9, key="other links")
        assert len(server.asked) == asked  # nothing is fetched again
    assert first.file.name in {part.file.name for part in parts}
    page = next(read_responses(str(tmp_path / first.file.name), [_first(tmp_path)]))
    assert b"Words of a page" in page.body and page.offset > 0
    assert page.headers.values("content-type") == ["text/html"]


def _first(folder: Path) -> int:
    (path,) = folder.glob("fetches-*-of-00009.parquet")
    return min(row["warc_offset"] for row in pq.read_table(path).to_pylist())
