"""Dead links in the Wayback Machine: which capture, what of it is kept, and its refusals."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support import kill_when
from warcio.archiveiterator import ArchiveIterator

from pipeline.pages.outcomes import Outcome
from pipeline.pages.refetch import FIRST_RUN
from pipeline.pages.settings import PagesSettings
from pipeline.pages.table import blank_row, fetched_before, write_fetches
from pipeline.pages.wayback import DEAD, FIRST, Rescue, original_headers, rescue
from pipeline.store import files
from pipeline.store.addresses import canonical_key, page_id
from pipeline.store.archives import read_responses
from pipeline.store.http_answer import Headers
from pipeline.store.parts import Part

from .archive_server import ArchiveServer, Snapshot, archive_server
from .crawl_index import write_links

HTML = {"Content-Type": "text/html"}
PAGE = b"<html><body><p>Words of %s.</p></body></html>"


@pytest.fixture
def server() -> Iterator[ArchiveServer]:
    with archive_server() as running:
        yield running


def settings(server: ArchiveServer, **changes: Any) -> PagesSettings:
    values = {
        "wayback": True,
        "wayback_base": server.base,
        "wayback_delay": 0.0,
        "allow_hosts": (server.name,),
        "contact": "mailto:someone@example.org",
        "delay": 0.0,
        "max_delay": 0.2,
        "max_bytes": 50_000,
    }
    return PagesSettings.checked(values | changes, "test")


def unit_of(
    server: ArchiveServer,
    folder: Path,
    outcomes: dict[str, Outcome],
    days: dict[str, str] | None = None,
    **changes: Any,
) -> Rescue:
    """The unit of work of links that ended with `outcomes` on the web."""
    links = write_links(folder, {url: (days or {}).get(url, "2015-06-01") for url in outcomes})
    pages = folder / "pages"
    table = f"{FIRST}-00000-of-00001.parquet"
    rows = [
        blank_row(page_id(canonical_key(url)), url, outcome, "web")
        for url, outcome in outcomes.items()
    ]
    write_fetches(str(pages), table, "first", rows)
    return Rescue(str(pages), "key", links, settings(server, **changes), tables=(table,))


def saved(
    server: ArchiveServer,
    folder: Path,
    outcomes: dict[str, Outcome],
    days: dict[str, str] | None = None,
    **changes: Any,
) -> tuple[dict[str, dict[str, Any]], list[Part]]:
    """The last rows by address, of links that ended with `outcomes` on the web."""
    parts = rescue(unit_of(server, folder, outcomes, days, **changes))
    (path,) = (folder / "pages").glob("fetches-*.parquet")
    return {row["url"]: row for row in pq.read_table(path).to_pylist()}, parts


def body_of(folder: Path, row: dict[str, Any]) -> bytes:
    archive = files.join(str(folder / "pages"), row["warc_file"])
    return next(read_responses(archive, [row["warc_offset"]])).body


def test_only_dead_links_are_asked_for(server: ArchiveServer, tmp_path: Path) -> None:
    """What a host or page refuses is not asked for elsewhere; each link has one outcome."""
    urls = {f"https://{outcome.value.replace('_', '-')}.example/": outcome for outcome in Outcome}
    for url in urls:
        server.snapshots.append(Snapshot("20150601000000", url, PAGE % url.encode(), HTML))
    rows, parts = saved(server, tmp_path, urls)
    assert rows.keys() == urls.keys()
    for url, outcome in urls.items():
        row = rows[url]
        if outcome in DEAD:
            assert (row["outcome"], row["origin"]) == ("ok", "wayback")
            assert row["error"] == f"was {outcome.value}"
            assert body_of(tmp_path, row) == PAGE % url.encode()
        else:
            assert (row["outcome"], row["origin"]) == (outcome.value, "web")
    table = next(part for part in parts if part.counts.seen)
    assert table.counts.seen == len(Outcome) and table.counts.kept == len(DEAD) + 1
    assert len(server.asked) == 2 * len(DEAD)
    assert server.connections == server.most_together == 1
    assert server.agents == {"webtext/1.0 (+mailto:someone@example.org)"}


def test_the_capture_nearest_to_the_link(server: ArchiveServer, tmp_path: Path) -> None:
    for year in range(2008, 2020):
        for name in ("dated", "undated"):
            stamp, url = f"{year}0601120000", f"https://{name}.example/"
            server.snapshots.append(Snapshot(stamp, url, PAGE % b"%d" % year, HTML))
    days = {"https://dated.example/": "2013-09-01", "https://undated.example/": ""}
    rows, _ = saved(server, tmp_path, dict.fromkeys(days, Outcome.NOT_FOUND), days)
    assert body_of(tmp_path, rows["https://dated.example/"]) == PAGE % b"2013"
    assert body_of(tmp_path, rows["https://undated.example/"]) == PAGE % b"2019"
    assert rows["https://dated.example/"]["fetched_at"] == 1370088000  # 2013-06-01 12:00


def test_the_page_is_kept_as_it_was(server: ArchiveServer, tmp_path: Path) -> None:
    """Original headers, the date of the capture, and notes of where it came from."""
    url, body = "https://a.example/page", gzip.compress("Füße".encode("latin-1"), mtime=0)
    headers = {
        "content-type": "text/html; charset=iso-8859-1",
        "content-encoding": "gzip",
        "last-modified": "Sun, 06 Nov 1994 08:49:37 GMT",
    }
    server.snapshots.append(Snapshot("20150601000000", url, body, headers))
    rows, _ = saved(server, tmp_path, {url: Outcome.GONE})
    row = rows[url]
    assert (row["charset"], row["charset_by"]) == ("windows-1252", "header")
    with (tmp_path / "pages" / row["warc_file"]).open("rb") as stream:
        for record in ArchiveIterator(stream, check_digests="raise"):
            said = record.content_stream().read()
            if record.rec_type == "response":
                told = {name.lower(): value for name, value in record.http_headers.headers}
                assert record.rec_headers.get_header("WARC-Date") == "2015-06-01T00:00:00Z"
                assert record.rec_headers.get_header("WARC-Target-URI") == url
            elif record.rec_type == "metadata":
                notes = said.decode()
    assert told == headers | {"content-length": str(len(body))}
    assert f"origin-url: {server.base}web/20150601000000id_/{url}\r\n" in notes
    assert "origin: wayback\r\n" in notes and "was: gone\r\n" in notes
    assert "charset: windows-1252\r\ncharset-by: header\r\n" in notes


def test_what_cannot_be_used_keeps_its_outcome(server: ArchiveServer, tmp_path: Path) -> None:
    stamp = "20150601000000"
    shots = {
        "none": None,
        "excluded": (PAGE, HTML),
        "image": (b"\x89PNG", {"Content-Type": "image/png"}),
        "large": (bytes(60_000), HTML),
        "not-gzip": (b"\x1f\x8brubbish", HTML | {"Content-Encoding": "gzip"}),
        "noai": (PAGE, HTML | {"X-Robots-Tag": "noai"}),
    }
    urls = {f"https://{name}.example/": shot for name, shot in shots.items()}
    for url, shot in urls.items():
        if shot:
            server.snapshots.append(Snapshot(stamp, url, *shot))
    server.excluded = {"https://excluded.example/"}
    other = Snapshot(stamp, "https://case.example/PAGE", PAGE, HTML)  # the same to the index
    server.snapshots.append(other)
    urls["https://case.example/page"] = None
    rows, _ = saved(server, tmp_path, dict.fromkeys(urls, Outcome.NOT_FOUND))
    assert rows.pop("https://noai.example/")["outcome"] == "opt_out_noai"
    for url, row in rows.items():
        assert (row["outcome"], row["origin"]) == ("not_found", "web"), url
        assert row["error"].startswith("not_found; Wayback Machine: ")
    assert rows["https://none.example/"]["error"].endswith("no capture")
    assert rows["https://excluded.example/"]["error"].endswith("no capture")
    assert "50,000" in rows["https://large.example/"]["error"]


def test_a_redirect_to_a_neighbouring_capture(server: ArchiveServer, tmp_path: Path) -> None:
    url = "https://a.example/"
    server.snapshots = [
        Snapshot("20150601000000", url, b"", HTML | {"Moved": "20150602000000"}),
        Snapshot("20150602000000", url, PAGE, HTML, status=200),
    ]
    server.snapshots[1] = server.snapshots[1]._replace(stamp="20150602000000")
    rows, _ = saved(server, tmp_path, {url: Outcome.DNS})
    assert (rows[url]["outcome"], rows[url]["fetched_at"]) == ("ok", 1433203200)


def test_refusals_are_waited_out(server: ArchiveServer, tmp_path: Path) -> None:
    urls = {f"https://a.example/{i}": Outcome.NOT_FOUND for i in range(4)}
    server.snapshots = [Snapshot("20150601000000", url, PAGE, HTML) for url in urls]
    server.refusals = [(429, ""), (503, ""), (429, "0")]
    rows, _ = saved(server, tmp_path, urls)
    assert {row["outcome"] for row in rows.values()} == {"ok"}
    assert len(server.asked) == 3 + 8


@pytest.mark.parametrize("refusals", [[(429, "3600")], [(503, "")] * 50], ids=["long", "for ever"])
def test_a_machine_that_wants_rest_gets_it(
    server: ArchiveServer, tmp_path: Path, refusals: list[tuple[int, str]]
) -> None:
    """The links left over are deferred and asked for in the next run; found ones are not."""
    urls = {f"https://a.example/{i}": Outcome.NOT_FOUND for i in range(5)}
    server.snapshots = [Snapshot("20150601000000", url, PAGE, HTML) for url in urls]
    server.refusals = list(refusals)
    rows, _ = saved(server, tmp_path, urls, archive_attempts=2)
    assert {row["outcome"] for row in rows.values()} == {"deferred"}
    assert all("Wayback Machine: " in row["error"] for row in rows.values())
    assert len(server.asked) <= 2
    server.refusals = []
    pages = tmp_path / "pages"
    links = tuple(sorted(str(path) for path in tmp_path.glob("*.parquet")))
    table = f"{FIRST}-00000-of-00001.parquet"
    for key in ("second", "third"):
        asked = len(server.asked)
        rescue(Rescue(str(pages), key, links, settings(server), tables=(table,)))
        (path,) = pages.glob("fetches-*.parquet")
        assert {row["outcome"] for row in pq.read_table(path).to_pylist()} == {"ok"}
    assert len(server.asked) == asked


def test_an_answer_that_is_no_index_is_not_no_capture(
    server: ArchiveServer, tmp_path: Path
) -> None:
    server.refusals = [(200, "")]  # a page of HTML, as proxies and maintenance send it
    rows, _ = saved(server, tmp_path, {"https://a.example/": Outcome.NOT_FOUND})
    assert rows["https://a.example/"]["outcome"] == "deferred"


def test_killed_and_resumed(server: ArchiveServer, tmp_path: Path) -> None:
    urls = {f"https://a.example/{i}": Outcome.NOT_FOUND for i in range(20)}
    for i, url in enumerate(urls):
        server.snapshots.append(Snapshot("20150601000000", url, PAGE % b"%d" % i, HTML))
    unit = unit_of(server, tmp_path, urls, wayback_delay=0.01)
    kill_when(lambda: len(server.asked) >= 21, rescue, unit)
    rows, parts = saved(server, tmp_path, urls)
    assert len(server.asked) <= 2 * 20 + 2  # the page in flight is asked for again
    assert [part.counts.kept for part in parts if part.counts.seen] == [20]
    assert [body_of(tmp_path, rows[url]) for url in urls] == [PAGE % b"%d" % i for i in range(20)]


def test_switched_off_again(server: ArchiveServer, tmp_path: Path) -> None:
    """Pages of the Wayback Machine stay where it is asked for, and only there."""
    url = "http://a.test/1"
    server.snapshots = [Snapshot("20150601000000", url, PAGE, HTML)]
    rows, _ = saved(server, tmp_path, {url: Outcome.NOT_FOUND})
    assert rows[url]["outcome"] == "ok"
    pages = str(tmp_path / "pages")
    known = {page_id(canonical_key(url)): url}
    assert len(dict(fetched_before(pages, (), known, ("web", "wayback"), FIRST_RUN))) == 1
    assert not dict(fetched_before(pages, (), known, ("web",), FIRST_RUN))


def test_original_headers() -> None:
    answer = Headers(
        [
            ("Server", "nginx"),
            ("Content-Type", "text/html"),
            ("X-Archive-Orig-Server", "Apache"),
            ("X-Archive-Orig-Content-Encoding", "gzip"),
            ("X-Archive-Orig-X-Robots-Tag", "otherbot: noindex"),
            ("X-Archive-Orig-X-Robots-Tag", "noai"),
        ]
    )
    assert original_headers(answer).pairs == (
        ("Server", "Apache"),
        ("X-Robots-Tag", "otherbot: noindex"),
        ("X-Robots-Tag", "noai"),
        ("Content-Type", "text/html"),
    )
