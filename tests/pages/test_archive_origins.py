"""Other origins by the command: archives with revisits, Common Crawl, then the Wayback Machine."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from support import Run

from pipeline.pages.archive_lookup import Archive, Lookup, index_archive, look_up
from pipeline.pages.captures import Dated
from pipeline.pages.crawl import Link
from pipeline.pages.group import Group
from pipeline.pages.settings import PagesSettings
from pipeline.pages.worker import fetch_group
from pipeline.sample import PAGES as SAMPLE
from pipeline.store.archives import read_responses, responses
from pipeline.store.blocklist import AddressRules

from .archive_server import Snapshot, archive_server
from .crawl_index import CrawlArchive, write_links
from .page_server import page_server


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    found = [row for path in folder.glob("fetches-*") for row in pq.read_table(path).to_pylist()]
    return {row["url"]: row for row in found}


def test_a_crawls_own_archives_say_the_same(tmp_path: Path) -> None:
    """What was crawled is found in the archives again, revisits of equal bodies included."""
    urls = {f"http://h{i % 4}.test/{i}": "" for i in range(40)}
    (tmp_path / "links").mkdir()
    (part,) = write_links(tmp_path / "links", urls, parts=1)
    links = [Link(row["id"], row["url"], row["host"]) for row in pq.read_table(part).to_pylist()]
    crawled, found = tmp_path / "crawled", tmp_path / "found"
    with page_server() as server:
        chosen = PagesSettings(
            via=server.origin, allow_hosts=("127.0.0.1",), delay=0.0, segment_mb=1
        )
        fetch_group(Group(0, 1, str(crawled), "key", chosen, ()), links)
    indexes = []
    for number, path in enumerate(sorted(crawled.glob("*.warc.gz"))):
        archive = Archive(str(path), number, str(found), "key", chosen)
        indexes += [made.file.name for made in index_archive(archive) if made.file]
    lookup = Lookup(0, 1, str(found), "key", tuple(indexes), chosen, AddressRules())
    look_up(lookup, [Dated(link.id, link.url, 0) for link in links])
    before, after = rows_of(crawled), rows_of(found)
    same = ("id", "final_url", "outcome", "status", "digest", "bytes", "charset", "warc_offset")
    assert before.keys() == after.keys() == urls.keys()
    for url, row in before.items():
        assert {name: row[name] for name in same} == {name: after[url][name] for name in same}
        assert after[url]["origin"] == "warc"
        body = next(read_responses(after[url]["warc_file"], [after[url]["warc_offset"]])).body
        assert len(body) == row["bytes"]


def test_common_crawl_then_wayback_by_the_command(tmp_path: Path, webtext: Run) -> None:
    """Real pages, a third in each place and a third nowhere: documents, why and verify."""
    archive, shots, urls = CrawlArchive(), [], []
    for number, page in enumerate(responses(str(SAMPLE))):
        if number == 60:
            break
        urls.append(page.url)
        html = (("Content-Type", "text/html"),)
        if number % 3 == 0:
            archive.add(page.url, page.body, headers=html)
        elif number % 3 == 1:
            shots.append(Snapshot("20240105000000", page.url, page.body, dict(html)))
    archive.write_index(tmp_path / "index.parquet")
    (tmp_path / "urls.txt").write_text("\n".join(urls))
    root = tmp_path / "corpus"
    with archive_server() as server:
        server.files[archive.name], server.snapshots = bytes(archive.data), shots
        server.refusals = [(503, "")]
        recipe = tmp_path / "recipe.toml"
        recipe.write_text(
            f"""
            [corpus]
            root = "{root}"
            [links]
            sources = [{{kind = "urls", path = "{tmp_path}/urls.txt"}}]
            [pages]
            source = "commoncrawl"
            commoncrawl = ["{tmp_path}/index.parquet"]
            commoncrawl_base = "{server.base}"
            commoncrawl_delay = 0.0
            wayback = true
            wayback_base = "{server.base}"
            wayback_delay = 0.0
            allow_hosts = ["{server.name}"]
            contact = "mailto:someone@example.org"
            """
        )
        done = webtext("build", str(recipe), "--until", "documents", "--workers", "1")
        assert done.returncode == 0, done.stdout
        assert server.most_together == 1
    rows = rows_of(root / "pages" / "all")
    found = Counter((row["origin"], row["outcome"]) for row in rows.values())
    kept = {origin for origin, outcome in found if outcome == "ok"}
    assert kept == {"commoncrawl", "wayback"} and sum(found.values()) == len(urls)
    assert found["commoncrawl", "not_in_archive"] == 20
    documents = {
        row["url"]
        for path in (root / "documents" / "all").glob("part-*.parquet")
        for row in pq.read_table(path, columns=["url"]).to_pylist()
    }
    assert len(documents) > 30
    assert documents <= {url for url, row in rows.items() if row["outcome"] == "ok"}
    rescued = next(url for url, row in rows.items() if row["origin"] == "wayback")
    told = webtext("why", str(root), rescued)
    assert "origin: wayback" in told.stdout and "was not_in_archive" in told.stdout
    assert "charset_by: " in told.stdout and "\ndocument" in told.stdout
    done = webtext("verify", str(root))
    assert done.returncode == 0, done.stdout
