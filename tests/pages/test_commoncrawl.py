"""Pages out of Common Crawl: the columnar index, ranged reads, and servers that say no."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import kill_when
from warcio.archiveiterator import ArchiveIterator

from pipeline.pages.capture_reader import Reading, read_captures
from pipeline.pages.ccindex import IndexFile, match_index
from pipeline.pages.settings import PagesSettings
from pipeline.store import files, warc
from pipeline.store.addresses import canonical_key, page_id
from pipeline.store.archives import read_responses
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.parts import Part

from .archive_server import ArchiveServer, archive_server
from .crawl_index import CrawlArchive, write_links
from .crawling import PATIENT

PAGE = b"<html><head><title>A page</title></head><body><p>Words of %d.</p></body></html>"
DAY = "2024-01-15"


@pytest.fixture
def server() -> Iterator[ArchiveServer]:
    with archive_server() as running:
        yield running


def settings(server: ArchiveServer, **changes: Any) -> PagesSettings:
    values = {
        "source": "commoncrawl",
        "commoncrawl": ("index.parquet",),
        "commoncrawl_base": server.base,
        "commoncrawl_delay": 0.0,
        "allow_hosts": (server.name,),
        "contact": "mailto:someone@example.org",
        "delay": 0.0,
        "max_delay": 0.3,
        "max_bytes": 100_000,
        "archive_timeout": PATIENT,
    }
    return PagesSettings.checked(values | changes, "test")


def read(
    folder: Path, archive: CrawlArchive, urls: dict[str, str], chosen: PagesSettings
) -> tuple[dict[str, dict[str, Any]], list[Part]]:
    """The rows by address as posted, and the parts, of matching and reading."""
    (folder / "links").mkdir(parents=True, exist_ok=True)
    links = write_links(folder / "links", urls)
    archive.write_index(folder / "index.parquet")
    pages = folder / "pages"
    index = IndexFile(str(folder / "index.parquet"), 0, str(pages), "key", links)
    (matches,) = match_index(index)
    assert matches.file is not None
    reading = Reading(str(pages), "key", links, (matches.file.name,), chosen, ())
    parts = read_captures(reading)
    return rows_of(pages), parts


def rows_of(pages: Path) -> dict[str, dict[str, Any]]:
    found = [row for path in pages.glob("fetches-*") for row in pq.read_table(path).to_pylist()]
    rows = {row["url"]: row for row in found}
    assert len(rows) == len(found)
    return rows


def body_of(pages: Path, row: dict[str, Any]) -> bytes:
    archive = files.join(str(pages), row["warc_file"])
    return next(read_responses(archive, [row["warc_offset"]])).body


def test_links_are_matched_by_key_and_read(server: ArchiveServer, tmp_path: Path) -> None:
    archive = CrawlArchive()
    for i in range(40):
        archive.add(f"https://www.site{i % 4}.example/page/{i}?b=2&a=1", PAGE % i)
        archive.add(f"https://www.site{i % 4}.example/other/{i}", PAGE % (1000 + i))
        archive.add(f"https://elsewhere{i}.example/page/{i}?a=1&b=2", PAGE % (2000 + i))
    archive.add("https://m.site1.example/gone", PAGE % 1, fetch_status=404)
    server.files[archive.name] = bytes(archive.data)
    urls = {f"http://m.site{i % 4}.example/page/{i}/?a=1&utm_source=x&b=2": DAY for i in range(40)}
    urls["http://site1.example/gone"] = urls["http://nowhere.example/"] = DAY
    rows, parts = read(tmp_path, archive, urls, settings(server))
    assert rows.keys() == urls.keys()
    counts = [part.counts for part in parts]
    assert sum(count.kept for count in counts) == 40
    assert sum(count.dropped.get("not_in_archive", 0) for count in counts) == 2
    for i in range(40):
        row = rows[f"http://m.site{i % 4}.example/page/{i}/?a=1&utm_source=x&b=2"]
        assert (row["outcome"], row["origin"]) == ("ok", "commoncrawl")
        assert row["final_url"] == f"https://www.site{i % 4}.example/page/{i}?b=2&a=1"
        assert row["fetched_at"] == 1708387200  # when Common Crawl was there
        assert (row["charset"], row["charset_by"]) == ("utf-8", "utf-8")
        assert body_of(tmp_path / "pages", row) == PAGE % i
    assert len(server.asked) == 40  # nothing is read that no link leads to
    assert server.connections == server.most_together == 1
    assert server.agents == {"webtext/1.0 (+mailto:someone@example.org)"}


def test_records_are_taken_over_as_they_are(server: ArchiveServer, tmp_path: Path) -> None:
    archive = CrawlArchive()
    archive.add("https://a.example/1", PAGE % 1, fields={"WARC-IP-Address": "192.0.2.1"})
    server.files[archive.name] = bytes(archive.data)
    rows, _ = read(tmp_path, archive, {"https://a.example/1": DAY}, settings(server))
    row = rows["https://a.example/1"]
    copied = (tmp_path / "pages" / row["warc_file"]).read_bytes()
    original = bytes(archive.data[archive.rows[0]["warc_record_offset"] :])
    assert copied[row["warc_offset"] :].startswith(original)
    with (tmp_path / "pages" / row["warc_file"]).open("rb") as stream:
        records = [
            (record.rec_type, record.rec_headers, record.content_stream().read())
            for record in ArchiveIterator(stream, check_digests="raise")
        ]
    assert [kind for kind, _, _ in records] == ["warcinfo", "response", "metadata"]
    beside = records[2][1].get_header("WARC-Concurrent-To")
    assert beside == records[1][1].get_header("WARC-Record-ID")
    notes = records[2][2].decode()
    assert "origin: commoncrawl\r\n" in notes and f"origin-file: {archive.name}\r\n" in notes
    assert "charset: utf-8\r\n" in notes


def test_the_capture_nearest_to_the_link(server: ArchiveServer, tmp_path: Path) -> None:
    archive = CrawlArchive()
    days = ("2019-03-01", "2023-12-30", "2024-02-20", "2025-01-01")
    for number, day in enumerate(days):
        for name in ("dated", "old", "undated"):
            archive.add(f"https://{name}.example/", PAGE % number, day)
    server.files[archive.name] = bytes(archive.data)
    urls = {
        "https://dated.example/": "2024-01-10",
        "https://old.example/": "2005-06-01",
        "https://undated.example/": "",
    }
    rows, _ = read(tmp_path, archive, urls, settings(server))
    taken = [body_of(tmp_path / "pages", rows[url]) for url in urls]
    assert taken == [PAGE % 1, PAGE % 0, PAGE % 3]


def test_a_bad_record_is_an_outcome(server: ArchiveServer, tmp_path: Path) -> None:
    archive = CrawlArchive()
    html = PAGE % 1
    whole = gzip.decompress(warc.record("response", {}, b""))
    cases: dict[str, tuple[str, dict[str, Any]]] = {
        "not-gzip": ("bad_record", {"packed": b"\x00" * 300}),
        "two-members": ("bad_record", {"packed": gzip.compress(b"a") * 2}),
        "no-record": ("bad_record", {"packed": gzip.compress(b"plain text")}),
        "no-response": ("bad_record", {"packed": gzip.compress(whole)}),
        "other-digest": ("bad_record", {"content_digest": "A" * 32}),
        "other-page": ("bad_record", {"fields": {"WARC-Target-URI": "https://x.example/"}}),
        "wrong-body": ("bad_record", {"fields": {"WARC-Payload-Digest": "sha1:" + "A" * 32}}),
        "short": ("bad_record", {"warc_record_length": 100}),
        "long": ("bad_record", {"warc_record_length": 90_000}),
        "behind-the-end": ("bad_record", {"warc_record_offset": 2_000_000_000}),
        "no-such-file": ("bad_record", {"warc_filename": "crawl-data/none.warc.gz"}),
        "huge": ("too_large", {"warc_record_length": 2_000_000_000}),
        "bomb": ("too_large", {"packed": gzip.compress(bytes(50_000_000))}),
        "truncated": ("too_large", {"fields": {"WARC-Truncated": "length"}}),
        "image": ("content_type", {"headers": (("Content-Type", "image/png"),)}),
        "noindex": ("opt_out_noindex", {"headers": (("X-Robots-Tag", "noindex"),)}),
        "fine": ("ok", {}),
    }
    for name, (_, how) in cases.items():
        archive.add(f"https://{name}.example/", html, **how)
    archive.data += bytes(1000)
    server.files[archive.name] = bytes(archive.data)
    urls = {f"https://{name}.example/": DAY for name in cases}
    rows, parts = read(tmp_path, archive, urls, settings(server))
    assert {url[8:-9]: row["outcome"] for url, row in rows.items()} == {
        name: outcome for name, (outcome, _) in cases.items()
    }
    assert sum(part.counts.seen for part in parts) == len(cases)
    named = rows["https://not-gzip.example/"]["error"]
    assert archive.name in named and "gzip" in named


def test_a_server_without_ranges_is_not_read_to_its_end(
    server: ArchiveServer, tmp_path: Path
) -> None:
    archive = CrawlArchive()
    archive.add("https://a.example/", PAGE % 1)
    server.files[archive.name] = bytes(archive.data) + bytes(10_000_000)
    server.ignores_ranges = True
    rows, _ = read(tmp_path, archive, {"https://a.example/": DAY}, settings(server))
    assert rows["https://a.example/"]["outcome"] == "too_large"


def one_site(server: ArchiveServer, pages: int) -> tuple[CrawlArchive, dict[str, str]]:
    archive = CrawlArchive()
    for i in range(pages):
        archive.add(f"https://a.example/{i}", PAGE % i)
    server.files[archive.name] = bytes(archive.data)
    return archive, {f"https://a.example/{i}": DAY for i in range(pages)}


def test_a_storm_of_refusals_passes(server: ArchiveServer, tmp_path: Path) -> None:
    """503, 403 and 429: asked again ever slower, and every page comes."""
    archive, urls = one_site(server, 12)
    server.refusals = [(503, ""), (503, ""), (403, ""), (429, "0"), (503, "")]
    chosen = settings(server, commoncrawl_delay=0.01)
    rows, _ = read(tmp_path, archive, urls, chosen)
    assert {row["outcome"] for row in rows.values()} == {"ok"}
    assert len(server.asked) == 17
    gaps = [after - before for (before, _, _), (after, _, _) in pairwise(server.asked)]
    assert gaps[1] > gaps[0] > 0.09  # doubled at each refusal
    assert all(gap >= 0.01 for gap in gaps)
    assert gaps[-1] < max(gaps)  # and less again while it answers


def test_retry_after_is_waited_for(server: ArchiveServer, tmp_path: Path) -> None:
    archive, urls = one_site(server, 2)
    server.refusals = [(503, "1")]
    rows, _ = read(tmp_path, archive, urls, settings(server, max_delay=5.0))
    assert {row["outcome"] for row in rows.values()} == {"ok"}
    assert server.asked[1][0] - server.asked[0][0] >= 1.0


@pytest.mark.parametrize(
    ("refusals", "asked"),
    [([(503, "")] * 99, 3), ([(429, "86400")], 1)],
    ids=["says no for ever", "asks for a day"],
)
def test_a_server_that_wants_rest_gets_it(
    server: ArchiveServer, tmp_path: Path, refusals: list[tuple[int, str]], asked: int
) -> None:
    """What is left over is deferred, and read by the next run, which repeats nothing."""
    archive, urls = one_site(server, 10)
    first = settings(server, archive_attempts=3, max_delay=0.1)
    server.refusals = list(refusals)
    rows, parts = read(tmp_path, archive, urls, first)
    assert {row["outcome"] for row in rows.values()} == {"deferred"}
    assert all(row["error"] for row in rows.values())
    assert len(server.asked) == asked
    assert sum(part.counts.dropped["deferred"] for part in parts if part.counts.seen) == 10
    server.refusals = []
    links = tuple(sorted(str(path) for path in (tmp_path / "links").glob("*.parquet")))
    reading = Reading(
        str(tmp_path / "pages"), "next", links, ("_work/matches-00000.parquet",), first, ()
    )
    read_captures(reading)
    assert {row["outcome"] for row in rows_of(tmp_path / "pages").values()} == {"ok"}
    before = len(server.asked)
    read_captures(Reading(**{**vars(reading), "key": "once more"}))
    assert len(server.asked) == before
    assert {row["outcome"] for row in rows_of(tmp_path / "pages").values()} == {"ok"}


def test_the_deadline_of_the_stage_holds(server: ArchiveServer, tmp_path: Path) -> None:
    archive, urls = one_site(server, 3)
    links = write_links(tmp_path, urls)
    archive.write_index(tmp_path / "index.parquet")
    index = IndexFile(str(tmp_path / "index.parquet"), 0, str(tmp_path / "pages"), "key", links)
    match_index(index)
    names = ("_work/matches-00000.parquet",)
    over = time.time() - 1
    read_captures(Reading(str(tmp_path / "pages"), "key", links, names, settings(server), (), over))
    assert {row["outcome"] for row in rows_of(tmp_path / "pages").values()} == {"deferred"}
    assert not server.asked


def test_killed_and_resumed(server: ArchiveServer, tmp_path: Path) -> None:
    archive, urls = one_site(server, 60)
    links = write_links(tmp_path, urls)
    archive.write_index(tmp_path / "index.parquet")
    pages = str(tmp_path / "pages")
    match_index(IndexFile(str(tmp_path / "index.parquet"), 0, pages, "key", links))
    chosen = settings(server, commoncrawl_delay=0.005)
    reading = Reading(pages, "key", links, ("_work/matches-00000.parquet",), chosen, ())
    kill_when(lambda: len(server.asked) >= 40, read_captures, reading)
    read_captures(reading)
    rows = rows_of(tmp_path / "pages")
    assert len(rows) == 60 and {row["outcome"] for row in rows.values()} == {"ok"}
    assert len(server.asked) <= 61  # the one in flight is asked for again
    for i in range(60):
        assert body_of(tmp_path / "pages", rows[f"https://a.example/{i}"]) == PAGE % i


def test_other_tables_are_refused(tmp_path: Path) -> None:
    links = write_links(tmp_path, {"https://a.example/": DAY})
    for name, content in {"text": b"no table", "other": None}.items():
        path = tmp_path / f"{name}.parquet"
        if content is None:
            pq.write_table(pa.table({"url": ["https://a.example/"]}), path)
        else:
            path.write_bytes(content)
        with pytest.raises(WebtextError, match=f"{name}.parquet"):
            match_index(IndexFile(str(path), 0, str(tmp_path / "pages"), name, links))


def test_ids_are_those_of_the_links(server: ArchiveServer, tmp_path: Path) -> None:
    archive, urls = one_site(server, 1)
    rows, _ = read(tmp_path, archive, urls, settings(server))
    assert rows["https://a.example/0"]["id"] == page_id(canonical_key("https://a.example/0"))


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (
            {"source": "commoncrawl", "contact": "mailto:a@example.org"},
            "pages.commoncrawl is empty",
        ),
        ({"source": "commoncrawl", "commoncrawl": ["x.parquet"]}, "pages.contact is empty"),
        ({"source": "warc", "warc": ["x"], "wayback": True}, "pages.contact is empty"),
    ],
)
def test_settings_that_lack_something(values: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingError, match=named):
        PagesSettings.checked(values, "recipe.toml")


def test_a_glob_that_matches_nothing_is_named(server: ArchiveServer, tmp_path: Path) -> None:
    chosen = settings(server, commoncrawl=(str(tmp_path / "none-*.parquet"),))
    with pytest.raises(SettingError, match="pages.commoncrawl = .*none-.* matches no file"):
        chosen.chosen_source().files()
