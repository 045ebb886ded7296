"""Archives and journals after kills, power cuts and full disks: every link has one true outcome."""

from __future__ import annotations

import gzip
import hashlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from pipeline.pages.crawl import Link
from pipeline.pages.group import Group
from pipeline.pages.journal import Journal
from pipeline.pages.outcomes import Outcome
from pipeline.pages.records import Capture, page_records
from pipeline.pages.settings import PagesSettings
from pipeline.pages.table import blank_row
from pipeline.pages.worker import fetch_group
from pipeline.store import files
from pipeline.store.archives import read_responses
from pipeline.store.errors import FullDiskError
from pipeline.store.http_answer import Headers
from pipeline.store.manifest import WORK

from .page_server import PageServer, page_server

PAGES = 30
SEGMENT = 4_500  # bytes, so that some segments are closed before the cut


def body(number: int) -> bytes:
    words = b"the same" if number % 7 == 0 else hashlib.sha512(str(number).encode()).digest()
    return words * 5


def keep(journal: Journal, number: int) -> None:
    """Archives page `number`; every fifth ended without one."""
    url = f"http://a.test/{number}"
    row = blank_row(f"{number:032x}", url, Outcome.OK, "web")
    if number % 5 == 4:
        journal.log(row | {"outcome": "not_found"})
        return
    row |= {"digest": hashlib.sha256(body(number)).hexdigest(), "fetched_at": 1_700_000_000}
    journal.page(row, page_records(Capture(url, 200, Headers(), body(number), 1_700_000_000)))


def check(folder: Path, rows: dict[str, dict[str, Any]]) -> None:
    """Every row says the truth, and every archive can be read to its end."""
    assert sorted(rows) == [f"{number:032x}" for number in range(PAGES)]
    for identity, row in rows.items():
        number = int(identity, 16)
        assert row["outcome"] == ("not_found" if number % 5 == 4 else "ok")
        if row["outcome"] == "ok":
            path = files.join(str(folder), row["warc_file"])
            found = next(read_responses(path, [row["warc_offset"]])).body
            assert found == body(number)
    for path in folder.glob("*.warc.gz"):
        assert gzip.decompress(path.read_bytes())  # every member to its end, with its CRC
    assert response_count(folder) >= sum(row["outcome"] == "ok" for row in rows.values())


def response_count(folder: Path) -> int:
    """Pages in all archives; their digests are checked on the way."""
    count = 0
    for path in folder.glob("*.warc.gz"):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, check_digests="raise"):
                record.content_stream().read()
                count += record.rec_type in ("response", "revisit")
    return count


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a crawl that stopped dead after all pages, the last segment still open."""
    folder = tmp_path_factory.mktemp("interrupted")
    with Journal(str(folder), "group", SEGMENT) as journal:
        for number in range(PAGES):
            keep(journal, number)
    assert len(list(folder.glob("*.warc.gz"))) >= 2
    return folder


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    archive=st.floats(0, 1),
    log=st.floats(0, 1),
    zeros=st.tuples(st.booleans(), st.floats(0, 1), st.integers(1, 600)),
    lost=st.sampled_from(["", "", "", "", "archive", "journal", "closed"]),
)
def test_after_a_power_cut(
    interrupted: Path,
    tmp_path_factory: pytest.TempPathFactory,
    archive: float,
    log: float,
    zeros: tuple[bool, float, int],
    lost: str,
) -> None:
    """Archive and journal cut anywhere, each by itself; zeros in the middle; files gone."""
    folder = tmp_path_factory.mktemp("cut") / "pages"
    shutil.copytree(interrupted, folder)
    (journal_file,) = (folder / WORK).glob("*.jsonl")
    (open_segment,) = (folder / WORK).glob("*.warc.gz")
    for path, share in ((open_segment, archive), (journal_file, log)):
        os.truncate(path, int(path.stat().st_size * share))
    in_archive, place, length = zeros
    damaged = open_segment if in_archive else journal_file
    data = bytearray(damaged.read_bytes())
    start = int(len(data) * place)
    data[start : start + length] = bytes(len(data[start : start + length]))
    damaged.write_bytes(data)
    gone = {"archive": open_segment, "journal": journal_file}.get(lost)
    if lost == "closed":
        gone = min(folder.glob("*.warc.gz"))
    if gone is not None:
        gone.unlink()
    with Journal(str(folder), "group", SEGMENT) as journal:
        done = set(journal.logged)
        for number in range(PAGES):
            if f"{number:032x}" not in done:
                keep(journal, number)
        journal.finish()
        rows = dict(journal.rows())
    check(folder, rows)


def test_what_is_whole_is_not_fetched_again(interrupted: Path, tmp_path: Path) -> None:
    shutil.copytree(interrupted, tmp_path / "pages")
    with Journal(str(tmp_path / "pages"), "group", SEGMENT) as journal:
        assert len(journal.logged) == PAGES
        journal.finish()
        rows = dict(journal.rows())
    check(tmp_path / "pages", rows)


def test_segments_close_by_age(tmp_path: Path) -> None:
    with Journal(str(tmp_path), "group", 1 << 30, segment_seconds=0.0) as journal:
        for number in range(3):
            keep(journal, number)
        assert len(list(tmp_path.glob("group-*.warc.gz"))) == 3
        keep(journal, 4)  # a link without a page: there is nothing to close
        assert len(list(tmp_path.glob("group-*.warc.gz"))) == 3


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    with page_server() as running:
        yield running


def crawl_of(server: PageServer, folder: Path, pages: int) -> tuple[Group, list[Link]]:
    """A group of five hosts and its links."""
    chosen = PagesSettings(via=server.origin, allow_hosts=("127.0.0.1",), delay=0.0)
    links = [Link(f"{i:032x}", f"http://h{i % 5}.test/{i}", f"h{i % 5}.test") for i in range(pages)]
    return Group(0, 1, str(folder), "key", chosen, ()), links


def start(group: Group, links: list[Link]) -> multiprocessing.process.BaseProcess:
    """A crawl in a process of its own, from a server process that has all imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pipeline.pages.group"])
    process = context.Process(target=fetch_group, args=(group, links))
    process.start()
    return process


def test_twenty_kills(server: PageServer, tmp_path: Path) -> None:
    """Killed at twenty moments: one outcome a link, nothing repeated but what was in flight."""
    group, links = crawl_of(server, tmp_path, 400)
    server.asked.clear()
    for kill in range(20):
        before = len(server.pages_asked)
        process = start(group, links)
        while len(server.pages_asked) < before + 1 + kill * 7 % 17 and process.is_alive():
            time.sleep(0.0005 * (kill % 3))
        assert process.is_alive(), f"ended by itself before kill {kill}"
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
    table = fetch_group(group, links)[0]
    asked = server.pages_asked
    assert set(asked) == {f"/{i}" for i in range(400)}
    assert len(asked) - 400 <= 20 * 5  # at each kill one page a host was in flight
    assert table.counts.kept == 400
    (path,) = tmp_path.glob("fetches-*.parquet")
    rows = pq.read_table(path).to_pylist()
    assert [row["id"] for row in rows] == [link.id for link in links]
    for row in rows:
        archive = files.join(str(tmp_path), row["warc_file"])
        found = next(read_responses(archive, [row["warc_offset"]])).body
        assert hashlib.sha256(found).hexdigest() == row["digest"]
    assert response_count(tmp_path) == 400


def test_two_processes_do_not_write_one_archive(server: PageServer, tmp_path: Path) -> None:
    """A runner may give a unit to a second worker while the first still lives."""
    group, links = crawl_of(server, tmp_path, 100)
    server.asked.clear()
    both = [start(group, links) for _ in range(2)]
    for process in both:
        process.join()
        assert process.exitcode == 0
    assert sorted(server.pages_asked) == sorted(f"/{i}" for i in range(100))
    assert response_count(tmp_path) == 100


def test_a_full_disk_while_archiving(tmp_path: Path) -> None:
    """On a real file system of 64 kB: one plain error, and after it the crawl goes on."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs root to mount a small file system")
    try:
        with (
            pytest.raises(FullDiskError, match="No space left"),
            Journal(str(disk), "group", 1 << 30) as journal,
        ):
            (disk / "filler").write_bytes(bytes(50_000))
            for number in range(PAGES):
                keep(journal, number)
        done = len(journal.logged)
        assert 0 < done < PAGES
        (disk / "filler").unlink()
        with Journal(str(disk), "group", 1 << 30) as journal:
            assert len(journal.logged) >= done - 1  # but the one that did not fit
            for number in range(PAGES):
                if f"{number:032x}" not in journal.logged:
                    keep(journal, number)
            journal.finish()
            rows = dict(journal.rows())
        check(disk, rows)
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
