"""Addresses: a golden table of pages and their variants, and what must hold for any address."""

from __future__ import annotations

from pathlib import Path
from random import Random
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.store.addresses import (
    canonical_key,
    has_tracker,
    host_of,
    page_of,
    repair,
    resolve,
    unwrap,
)


def golden() -> list[tuple[str, str]]:
    lines = (Path(__file__).parent / "keys.tsv").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return [(key, url) for key, *urls in rows for url in urls]


def test_table_is_long_enough() -> None:
    assert len(golden()) >= 260


@pytest.mark.parametrize(("key", "url"), golden())
def test_key(key: str, url: str) -> None:
    repaired = repair(url)
    assert repaired is not None
    assert canonical_key(repaired) == key
    assert canonical_key(unwrap(url)) == key
    assert repair(repaired) == repaired
    assert page_of(url) == (repaired, key, host_of(repaired))
    scheme = "http" if key.endswith(":443") else "https"
    assert canonical_key(f"{scheme}://{key}") == key  # a key is the key of itself


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "javascript:alert(1)",
        "mailto:a@example.com",
        "data:text/html,x",
        "http://",
        "https://localhost/",
        "http://[::1/",
        "http://[::g]/",
        "http://[192.0.2.1]/",
        "http://[fe80::1%25eth0]/",
        "http://a..b/",
        "http://-/",
        "http://example.com:99999/",
        "http://example.com:x/",
        "http://exa mple.com/",
        "http://example.com/\0",
        "http://example.com/" + "x" * 2000,
        "http://" + "ä" * 80 + ".de/",
        "http://" + "ä" * 1_900 + ".de/",
        "http://" + "ä" * 1_000_000 + ".de/",
        "//example.com/",
        "/r/linux",
        "htttp://example.com/",
        "http://http://",
        "http://example.1/",
        "http://1.2.3.4.5/",
        "http://a\u2024.\u3002.b/",
    ],
)
def test_no_web_address(text: str) -> None:
    assert repair(text) is None


@pytest.mark.parametrize(
    ("posted", "fetched"),
    [
        ("HTTP://Example.COM", "http://example.com/"),
        ("  https://example.com/a b ", "https://example.com/a%20b"),
        ("http://example.com/a?utm_source=x#frag", "http://example.com/a?utm_source=x"),
        ("http://u:p@example.com:80/x/", "http://example.com/x/"),
        ("https://web.archive.org/web/1/http://a.b/", "https://web.archive.org/web/1/http://a.b/"),
        ("http://www.example.com/index.html", "http://www.example.com/index.html"),
        ("http://example.com/a\n/b", "http://example.com/a/b"),
        ("http://bücher.de", "http://xn--bcher-kva.de/"),
        ("http://example.com/a\tb\rc", "http://example.com/abc"),
        ("http://http://example.com/x", "http://example.com/x"),
        ("http:\\\\example.com\\x?y=\\", "http://example.com/x?y=%5C"),
        ("https://twitter.com/#!/nasa", "https://twitter.com/#!/nasa"),
    ],
)
def test_repair_changes_little(posted: str, fetched: str) -> None:
    assert repair(posted) == fetched


@pytest.mark.parametrize(
    ("reference", "address"),
    [
        ("b", "http://a.io/x/b"),
        ("../b?q=/../c", "http://a.io/b?q=/../c"),
        ("?q", "http://a.io/x/y?q"),
        ("#top", "http://a.io/x/y"),
        ("//b.io", "http://b.io/"),
        ("\\\\b.io\\c?\\d", "http://b.io/c?%5Cd"),
        ("http:\\\\b.io\\c", "http://b.io/c"),
        ("/\u00e4 b", "http://a.io/%C3%A4%20b"),
        ("http://b\u00fccher.de", "http://xn--bcher-kva.de/"),
        ("ftp://b.io/", None),
        ("javascript:alert(1)", None),
        ("http://[", None),
        ("//[x]/", None),
        ("http://\u2100.io/", None),
        ("http://b.io:99999/", None),
    ],
)
def test_references_are_read_as_browsers_do(reference: str, address: str | None) -> None:
    assert resolve("http://a.io/x/y", reference) == address


def test_small_questions() -> None:
    assert has_tracker("http://a.io/?x=1&utm_source=b")
    assert not has_tracker("http://a.io/?x=1")
    assert has_tracker("http://www.youtube.com/watch?v=1&feature=share")
    assert not has_tracker("http://a.io/?feature=share")
    assert has_tracker("http://a.io/?x=1?utm_source=b")
    assert not has_tracker("no address?utm_source=b")
    assert host_of("http://a.io:8080?x") == "a.io:8080"
    assert host_of("no address") == ""


label = st.from_regex(r"[a-z][a-z0-9]{1,8}", fullmatch=True)
segment = st.text(st.characters(codec="utf-8", exclude_characters="/?#\\"), max_size=8)
pairs = st.lists(st.tuples(label, st.text(max_size=6)), max_size=4)


@given(st.text(max_size=60))
def test_any_text_is_taken(text: str) -> None:
    resolve("http://a.io/x", text)
    for address in (text, f"http://{text}", f"http://a.io/{text}", f"http://a.io/?{text}"):
        url = repair(address)
        assert url is None or repair(url) == url
        assert page_of(address) == (url and (url, canonical_key(url), host_of(url)))
        if url is not None:
            assert canonical_key(url) == canonical_key(repair(url) or "")


@given(label, st.lists(segment, max_size=4), pairs, st.randoms())
def test_variants_share_a_key(
    host: str, path: list[str], query: list[tuple[str, str]], random: Random
) -> None:
    place = f"{host}.example.org/" + "/".join(quote(s, safe="") for s in path)
    said = [f"{name}={quote(value, safe='')}" for name, value in query]
    key = canonical_key(f"https://{place}?{'&'.join(said)}")
    random.shuffle(said)
    asked = "&".join([*said, "utm_source=reddit", "fbclid=1"])
    assert canonical_key(f"http://www.{place}?{asked}#section") == key
    assert canonical_key(f"HTTPS://m.{place}?{asked}") == key
    assert canonical_key(f"https://{key}") == key
