"""Where redirects lead: by the recipe's rules on every hop, with cookies of one chain alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from warcio.archiveiterator import ArchiveIterator

from pipeline.store.blocklist import AddressRules

from .built_pages import Corpus
from .crawling import ends, outcomes, settings
from .hostile_server import PAGE, HostileServer, answer, hostile_server, moved
from .raw_server import MISSING, by_host, serving


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with hostile_server() as running:
        yield running


TO = [f"http://to-{name}.test/" for name in ("wikipedia", "file-name", "blocked", "blocked-twice")]


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ({}, ["off_limits", "off_limits", "ok", "ok"]),
        ({"blocklists": []}, ["ok", "ok", "ok", "ok"]),
        ({"blocklists": ["wikipedia"]}, ["off_limits", "ok", "ok", "ok"]),
        ({"block_domains": ["blocked.test"]}, ["off_limits"] * 4),
        (
            {"blocklists": [], "domains": [*(f"{one.split('/')[2]}" for one in TO), "good.test"]},
            ["off_limits", "ok", "off_limits", "off_limits"],
        ),
    ],
)
def test_the_rules_of_a_recipe_hold_on_every_hop(
    server: HostileServer, links: dict[str, list[str]], expected: list[str]
) -> None:
    assert outcomes(TO, settings(server), rules=AddressRules.of(links)) == expected


def test_rules_that_change_bring_pages_back_and_take_them_out(tmp_path: Path) -> None:
    """Although the links themselves are the same."""
    with hostile_server() as server:
        corpus = Corpus(tmp_path / "made", server)
        urls = ["http://to-blocked.test/", "http://to-wikipedia.test/", "http://h.test/"]
        corpus.build(urls)
        assert corpus.ends() == {"ok": 2, "off_limits": 1}
        corpus.links = {"block_domains": ["blocked.test"], "blocklists": ["reddit"]}
        results = corpus.build(urls)
        assert results[-1].reason == "input changed: link_rules"
        assert corpus.ends() == {"ok": 2, "off_limits": 1}
        assert corpus.rows()["http://to-wikipedia.test/"]["outcome"] == "ok"
        assert not any(one.startswith("h.test/") for one in corpus.asked())


async def wants_its_cookie(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends everybody round who does not bring the cookie that it sets."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    path = head.split(" ", 2)[1]
    if path == "/robots.txt" or path.startswith("/.well-known"):
        writer.write(MISSING)
    elif "\r\nCookie: seen=1\r\n" in head:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<p>in"
        )
    else:
        sends = "" if path == "/sets-none" else "Set-Cookie: seen=1; Path=/\r\n"
        lines = f"HTTP/1.1 302 Found\r\nLocation: {path}\r\n{sends}Content-Length: 0\r\n"
        writer.write(f"{lines}Connection: close\r\n\r\n".encode())
    await writer.drain()
    writer.close()


def test_cookies_live_as_long_as_a_chain(server: HostileServer) -> None:
    """Each link sets out without any; a page that sends its reader round is asked twice."""
    with serving(wants_its_cookie) as port:
        chosen = settings(server, via=f"http://127.0.0.1:{port}", attempts=1)
        urls = ["http://a.test/1", "http://a.test/2", "http://a.test/sets-none"]
        found = ends(urls, chosen)
    one, two, none = (found[url].answer for url in urls)
    assert (one.outcome, len(one.hops), two.outcome, len(two.hops)) == ("ok", 1, "ok", 1)
    assert none.outcome == "redirect_loop" and "1 redirects" in none.error


def test_redirects_are_archived_with_their_page(tmp_path: Path) -> None:
    with hostile_server() as server:
        corpus = Corpus(tmp_path / "made", server)
        corpus.build(["http://hops.test/2", "http://to-good.test/"])
    responses = []
    for path in corpus.pages.glob("*.warc.gz"):
        with path.open("rb") as stream:
            responses += [
                (record.rec_headers.get_header("WARC-Target-URI"), record.http_headers.statusline)
                for record in ArchiveIterator(stream)
                if record.rec_type in ("response", "revisit")
            ]
    assert {
        ("http://hops.test/2", "302 Found"),
        ("http://hops.test/1", "302 Found"),
        ("http://hops.test/0", "200 OK"),
        ("http://to-good.test/", "302 Found"),
        ("http://good.test/there", "200 OK"),
    } == set(responses)
    tables = [pq.read_table(path) for path in corpus.pages.glob("fetches-*")]
    finals = {url for table in tables for url in table["final_url"].to_pylist()}
    assert finals == {"http://hops.test/0", "http://good.test/there"}


#: What is no address, though it looks like one to `urllib`, which raises an error for some.
NO_ADDRESS = ["http://[", "http://[::1/", "//[x]/", "ftp://a.test/"]


@pytest.mark.parametrize("place", NO_ADDRESS)
def test_no_address_of_a_server_ends_the_crawl(server: HostileServer, place: str) -> None:
    """Wherever it stands: the link alone ends, and other hosts go on."""
    refresh = f'<head><meta http-equiv=refresh content="0;url={place}"></head>'
    base = f'<head><base href="{place}"></head>'
    licence = f'<rsl><content url="{place}"/></rsl>'
    licence = f"<head><script type=application/rsl+xml>{licence}</script></head>"
    answers = {
        "location.test": moved(place),
        "header.test": answer(PAGE, f"Refresh: 0; url={place}"),
        "meta.test": answer(refresh.encode() + PAGE),
        "link.test": answer(PAGE, f"Link: <{place}>; rel=license; type=application/rsl+xml"),
        "base.test": answer(base.encode() + PAGE),
        "rsl.test": answer(licence.encode() + PAGE),
        "robots.test": answer(PAGE),
    }
    robots = {"robots.test": answer(f"License: {place}\n".encode())}
    with serving(by_host(answers, robots)) as port:
        chosen = settings(server, via=f"http://127.0.0.1:{port}", attempts=1)
        found = ends([f"http://{host}/" for host in answers], chosen)
    assert {url.split("/")[2]: str(ended.answer.outcome) for url, ended in found.items()} == {
        "location.test": "http_error",
        "header.test": "ok",
        "meta.test": "ok",
        "link.test": "opt_out_rsl",
        "base.test": "ok",
        "rsl.test": "ok",
        "robots.test": "opt_out_rsl",
    }


def test_a_refresh_is_relative_to_the_base_of_its_page(server: HostileServer) -> None:
    head = b'<head><base href="http://b.test/x/"><meta http-equiv=refresh content="0;url=y"></head>'
    answers = {"a.test": answer(head), "b.test": answer(PAGE)}
    with serving(by_host(answers)) as port:
        found = ends(["http://a.test/"], settings(server, via=f"http://127.0.0.1:{port}"))
    assert found["http://a.test/"].answer.final_url == "http://b.test/x/y"


def test_redirects_to_ipv6_are_followed_and_guarded(server: HostileServer) -> None:
    """`via` takes the request elsewhere; without it the guard sees the address."""
    chosen = settings(server)
    found = ends(["http://[2001:db8::1]:8080/page"], chosen)
    assert found["http://[2001:db8::1]:8080/page"].answer.outcome == "ok"
    assert ("[2001:db8::1]:8080", "/page") in server.asked
