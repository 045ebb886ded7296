"""Links in Reddit's Markdown: the hard cases, what most texts hold, and another reader's say."""

from __future__ import annotations

import html
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from benchmarks.link_texts import linked_texts
from pipeline.links.bare import with_scheme
from pipeline.links.markdown import links_in
from pipeline.store.addresses import canonical_key

TEXTS = {  # file -> whether its texts carry HTML's escapes
    "RC_2024-01_docs.zst": True,
    "RS_2024-01_docs.zst": True,
    "RS_2013-08_top.zst": True,
    "praw_comments.ndjson.zst": False,
    "praw_submissions.ndjson.zst": False,
}


@pytest.mark.parametrize(
    ("text", "links"),
    [
        (r"see https://e.com/wiki/Foo\_bar ok", ["https://e.com/wiki/Foo_bar"]),
        (r"[a](http://e.com/a\_b)", ["http://e.com/a_b"]),
        ("[a](https://e.com/Foo_(bar))", ["https://e.com/Foo_(bar)"]),
        (r"[a](https://e.com/Foo_\(bar\))", ["https://e.com/Foo_(bar)"]),
        ("[a][1]\n\n[1]: https://e.com/ref", ["https://e.com/ref"]),
        ("https://e.com/a.", ["https://e.com/a"]),
        ("(https://e.com/a)", ["https://e.com/a"]),
        ("`https://e.com/code`", []),
        ("```\n\nhttps://e.com/fence\n\n```", []),
        ("    https://e.com/indented", ["https://e.com/indented"]),
        ("&gt; https://e.com/q?a=1&amp;b=2", ["https://e.com/q?a=1&b=2"]),
        ("[t](https://e.com/a b)", ["https://e.com/a%20b"]),
        ('[t](https://e.com/x "title")', ["https://e.com/x"]),
        ("&lt;https://e.com/auto&gt;", ["https://e.com/auto"]),
        ("www.e.com/foo", ["http://www.e.com/foo"]),
        ("**https://e.com/bold**", ["https://e.com/bold"]),
        ("~~https://e.com/struck~~", ["https://e.com/struck"]),
        ("&gt;!https://e.com/spoiler!&lt;", ["https://e.com/spoiler"]),
        ("^(https://e.com/sup)", ["https://e.com/sup"]),
        ("[![i](https://i.e.com/a.png)](https://e.com/p)", ["https://e.com/p"]),
        ("[https://e.com/shown](https://f.com/real)", ["https://f.com/real"]),
        ("https://e.com, https://f.com! Https://g.com", None),
        ("https://e.com/&#x200B;", ["https://e.com/"]),
        ("[x](/r/linux) name.py e.com", []),
        ("a\n\n* one\n\n* https://e.com/list\n\n1. [b](http://f.com)", None),
        ("https://e.com/a https://e.com/a", ["https://e.com/a"]),
        ("<div>https://e.com/html</div>", ["https://e.com/html"]),
        ('&lt;a href="https://e.com/html"&gt;x&lt;/a&gt;', ["https://e.com/html"]),
        ("[a](&lt;https://e.com/a b&gt;)", ["https://e.com/a%20b"]),
        ("[a](https://e.com/?a=1&amp;b=2)", ["https://e.com/?a=1&b=2"]),
        ("https://e.com/a&amp;nbsp;b", ["https://e.com/a"]),
        (
            "&amp;#x200B; https://e.com/?a=1&amp;region=2&amp;copy=3 [a](https://f.com/?b&amp;lt=4)",
            ["https://e.com/?a=1&region=2&copy=3", "https://f.com/?b&lt=4"],
        ),
        ("&nbsp; https://e.com/?a=1&region=2&copy=3", ["https://e.com/?a=1&region=2&copy=3"]),
        ("https://e.com/_a_/*b*/c_ *d*", ["https://e.com/_a_/*b*/c_"]),
        ("*see https://e.com/a*", ["https://e.com/a"]),
        ("*see https://e.com/a*b c*", ["https://e.com/a*b"]),
        (r"http:/\/e.com/broken [a](http:\/\/e.com/a) http://f.com", None),
        ("[a](ftp://e.com/x) [https://e.com/y](/r/z) ![https://e.com/i](https://e.com/j)", []),
        ("[m](https://e.com/?subject=a b&amp;message=c d)", None),
        ("text\n\n    [a](https://e.com/indented)\n\n\thttps://e.com/tab", None),
        (
            "Name|Link|Price\n:--|:--|:--\nx|https://e.com/1|$4\ny|[b](https://e.com/2)|$5",
            ["https://e.com/1", "https://e.com/2"],
        ),
        (
            "&gt; |a|https://e.com/x|\n&gt; |-|-|\n&gt; |b|https://e.com/y|",
            ["https://e.com/x", "https://e.com/y"],
        ),
        ("https://e.com/a|b and no table", ["https://e.com/a|b"]),
        (
            "[c](https://e.com/?q=cache:A:www.o.org/p) [t](https://e.com/?u=www.nt.se/a) www.f.com",
            [
                "https://e.com/?q=cache:A:www.o.org/p",
                "https://e.com/?u=www.nt.se/a",
                "http://www.f.com",
            ],
        ),
        ("https://e.com/?u=www.nt.se/a", ["https://e.com/?u=www.nt.se/a"]),
        ("https://e.com/1\n\n~~~~~~~~\n\n[b](https://e.com/2)\n\n &gt; ~~~\nhttps://e.com/3", None),
        ("* [R]: [In](https://e.com/1)\n* [S]:  [All](https://e.com/2)", None),
        ("[a][x]\n\n[x]: https://e.com/ref", ["https://e.com/ref"]),
        ("[a](\u00a0https://e.com/1) [b](&nbsp;https://e.com/2) [c](\u2003https://e.com/3)", None),
        ("看 https://e.com/a。然后 https://e.com/b，好（https://e.com/c）", None),
        ("“https://e.com/a” ‘https://e.com/b’ «https://e.com/c»", None),
        ("https://e.com/it’s https://e.com/漢字/x", ["https://e.com/it’s", "https://e.com/漢字/x"]),
    ],
)
def test_links(text: str, links: list[str] | None) -> None:
    found = links_in(text)
    if links is None:
        assert len(found) == text.lower().count("http") - text.count("broken")
        assert not any(" " in link for link in found)
    else:
        assert found == links


def test_api_text_is_not_unescaped() -> None:
    """What is left of `&amp;` there is an entity that someone wrote, and `&` is `&`."""
    assert links_in("https://e.com/?a=1&amp;b=2", escaped=False) == ["https://e.com/?a=1&b=2"]
    assert links_in("https://e.com/?a=1&amp;amp;b=2", escaped=False) == links_in(
        "https://e.com/?a=1&amp;amp;amp;b=2"
    )
    assert links_in("<https://e.com/?lt=1&gt=2>", escaped=False) == ["https://e.com/?lt=1&gt=2"]


@pytest.mark.system
@pytest.mark.parametrize("name", TEXTS)
def test_another_reader_finds_the_same(shared_data: Path, name: str) -> None:
    """markdown-it-py on each real text: the same pages but in one of 150 with what Reddit lets."""
    plain = html.unescape if TEXTS[name] else str
    texts = list({plain(text): None for text in linked_texts(str(shared_data / "reddit" / name))})
    assert len(texts) > 50
    differ = [
        text
        for text in texts
        if pages(links_in(text, escaped=False)) != pages(others(with_scheme(text)))
    ]
    assert len(differ) <= len(texts) / 150, differ


def pages(links: list[str]) -> set[str]:
    """What the links lead to, however their characters are escaped."""
    return {canonical_key(unquote(link)) for link in links}


def others(text: str) -> list[str]:
    """The links of a text by markdown-it-py, with HTML and indented code off."""
    parser = MarkdownIt("commonmark", {"linkify": True})
    parser.enable("linkify").disable(["code", "html_block", "html_inline"])
    assert parser.linkify is not None
    parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False})
    tokens = [child for token in parser.parse(text) for child in token.children or ()]
    links = [str(token.attrs["href"]) for token in tokens if token.type == "link_open"]
    return [link.rstrip("*~") for link in links if link.lower().startswith("http")]


bit = st.sampled_from(
    "http:// https://e.com/a HTTP://A.io www.a.io WWW.B.io a.io /x_y_ ?a=1&b=2 &amp; &lt; &nbsp; "
    "&#42; ( ) [ ] [a] [a]( ](http://a.io/x) ](/r/x) ](ftp://a.io) ](<http://a.io/y>) ![a]( ` ``` "
    "~~~ \\ \\_ :/\\/ < > <http://a.io> <b> <!-- !< >! * ** _ ' \" . , ; : ! ? | ä 漢 \u200b "
    "word [1]: [a][1] # ==".split()
)
glue = st.sampled_from(["", "", "", " ", "\n", "\n\n", "\n- ", "\n> ", "\n1. ", "\n\n    ", "\t"])


@settings(max_examples=2_000, deadline=None)
@given(st.lists(st.tuples(bit, glue), max_size=14))
def test_any_text_gives_web_addresses(said: list[tuple[str, str]]) -> None:
    """Whatever is written: addresses of the web, once each, and the same for both ways in."""
    text = "".join(a + b for a, b in said)
    links = links_in(text, escaped=False)
    assert all(link.lower().startswith(("http://", "https://")) for link in links)
    assert not any(character in link for link in links for character in ' \n<"')
    assert len(set(links)) == len(links)
    assert links == links_in(html.escape(text, quote=False))


def test_long_and_hostile_texts() -> None:
    rows = [f"<b> http://e.com/{n}" for n in range(3_000)]
    assert links_in("\n".join(rows)) == [f"http://e.com/{n}" for n in range(3_000)]
    for hostile in ("://" * 13_000, "<http:// " * 4_000, "[a](http://e.com/(\n" * 2_000):
        assert links_in(f"https://f.com/ok\n\n{hostile}")[0] == "https://f.com/ok"
