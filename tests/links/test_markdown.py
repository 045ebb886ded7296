"""Links in Reddit's Markdown: the hard cases, and what most texts hold."""

from __future__ import annotations

import pytest

from pipeline.links.markdown import _short, links_in


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
    ],
)
def test_links(text: str, links: list[str] | None) -> None:
    found = links_in(text)
    if links is None:
        assert len(found) == text.lower().count("http")
    else:
        assert found == links


def test_api_text_is_not_unescaped() -> None:
    assert links_in("https://e.com/?a=1&amp;b=2", escaped=False) == ["https://e.com/?a=1&amp;b=2"]


def test_long_paragraphs_come_to_the_parser_in_pieces() -> None:
    lines = [f"<b> http://e.com/{n}" for n in range(3_000)]
    assert links_in("\n".join(lines)) == [f"http://e.com/{n}" for n in range(3_000)]
    for hostile in ("://" * 13_000, "<http:// " * 4_000, "[a](http://e.com/(\n" * 2_000):
        assert max(map(len, _short(hostile).split("\n\n"))) <= 2_000
        assert "".join(_short(hostile).split("\n\n")) == hostile
        assert links_in(f"https://f.com/ok\n\n{hostile}")[0] == "https://f.com/ok"
