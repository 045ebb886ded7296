"""Bare addresses: where they begin and end, and a pattern that says what linkify-it says."""

from __future__ import annotations

import html

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.links.bare import (
    _asked_address,
    address_start,
    bare_address,
    has_bare_www,
    sure_addresses,
    with_scheme,
)

bit = st.sampled_from(
    "http:// https:// HTTP://A.io Https://a.io a.io a-b.example.org b--c.io x_.io -a.io a.io. :80 "
    ":99999 / /x /x-y_z /%41 /%4 ? ?a=1&b=2 # #x ( ) [ ] { } ` < > * ** _ ~ ~~ ~~~ ' \" . .. ... "
    ", ,, ; ;; : ! !! ? ?? ?! | ^ @ = + $ - -- \\ ä 漢 ’ … mailto: ftp:// word http web+ "
    "https://e.com/a https://e.com/a. https://e.com/a_(b) see 1".split()
)
glue = st.sampled_from(["", "", "", " ", "\n", "<em>", "</strong>", "&amp;"])


@settings(max_examples=3_000, deadline=None)
@given(st.lists(st.tuples(bit, glue), max_size=12))
def test_the_pattern_says_what_linkify_says(said: list[tuple[str, str]]) -> None:
    text = "".join(html.escape(a, quote=False) + b for a, b in said)
    colon = text.find("://")
    while colon >= 0:
        assert bare_address(text, colon) == _asked_address(text, colon)
        colon = text.find("://", colon + 3)


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("http://a.io/x.", ["http://a.io/x"]),
        ("http://a.io/x...", ["http://a.io/x"]),
        ("see http://a.io/x, http://a.io/y; and http://a.io/z!", None),
        ("(http://a.io/x)", ["http://a.io/x"]),
        ("http://a.io/x_(y)", ["http://a.io/x_(y)"]),
        ("http://a.io/x)y", ["http://a.io/x"]),
        ('"http://a.io/x"', ["http://a.io/x"]),
        ("http://a.io/?a=1&amp;b=2&lt;", ["http://a.io/?a=1&b=2"]),
        ("<strong>http://a.io/x</strong>", ["http://a.io/x"]),
        ("**http://a.io/x**", ["http://a.io/x"]),
        ("~~http://a.io/x~~", ["http://a.io/x"]),
        ("...http://a.io/x", ["http://a.io/x"]),
        ("http://web.archive.org/web/2012/http://a.io/", None),
        ("http://localhost:8080/x http://1.2.3.4/x", None),
        ("xhttp://a.io git+https://a.io ftp://a.io ://a.io tp://a.io http://", []),
    ],
)
def test_ends(text: str, addresses: list[str] | None) -> None:
    found, colon = [], text.find("://")
    while colon >= 0:
        address, end = bare_address(text, colon)
        found += [address] if address else []
        colon = text.find("://", end)
    if addresses is None:
        assert found == [word.strip(",;!") for word in text.split() if "http" in word]
    else:
        assert found == addresses
    sure = sure_addresses(text)
    assert sure is None or sure == found


def test_where_an_address_begins() -> None:
    assert [address_start(text, text.find("://")) for text in ("s://", "ahttps://", "http://")] == [
        0,
        1,
        0,
    ]


@pytest.mark.parametrize(
    ("text", "with_it"),
    [
        ("www.a.io", "http://www.a.io"),
        ("Www.a.io WWW.b.io", "http://Www.a.io http://WWW.b.io"),
        ("http://www.a.io www.b.io", "http://www.a.io http://www.b.io"),
        ("[a](www.a.io)", "[a](http://www.a.io)"),
        ("http://www.a.io/www.b.html", "http://www.a.io/www.b.html"),
        ("a.www.io awww. www. me@www.a.io", "a.www.io awww. www. me@www.a.io"),
    ],
)
def test_hosts_without_a_scheme(text: str, with_it: str) -> None:
    assert with_scheme(text) == with_it
    assert has_bare_www(text) or text == with_it
