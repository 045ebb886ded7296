"""The pattern that spares the parser says what the parser says, or nothing."""

from __future__ import annotations

import html
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.links.dumps import blocks, lines
from pipeline.links.markdown import parsed_links
from pipeline.links.plain import plain_links

TEXTS = {  # file -> whether its texts carry HTML's escapes
    "RC_2024-01_docs.zst": True,
    "RS_2024-01_docs.zst": True,
    "RS_2013-08_top.zst": True,
    "praw_comments.ndjson.zst": False,
    "praw_submissions.ndjson.zst": False,
}


def paragraphs(path: Path, escaped: bool) -> list[str]:
    found: dict[str, None] = {}
    for block in blocks(str(path), accept_cut=True):
        for _, line in lines(block):
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            text = row.get("body") or row.get("selftext") or ""
            for piece in text.split("\n\n"):
                if "://" in piece or "www." in piece.lower():
                    found[html.unescape(piece) if escaped else piece] = None
    return list(found)


@pytest.mark.parametrize("name", TEXTS)
def test_real_paragraphs(shared_data: Path, name: str) -> None:
    """One in three of the thousands of real paragraphs: those answered, not few."""
    pieces = paragraphs(shared_data / "reddit" / name, TEXTS[name])[::3]
    answers = {piece: plain_links(piece) for piece in pieces}
    plain = {piece: links for piece, links in answers.items() if links is not None}
    assert len(plain) > 0.95 * len(pieces) > 10
    wrong = [p for p, links in plain.items() if links != list(parsed_links(p))]
    assert wrong == []


bit = st.sampled_from(
    "http:// https:// HTTP://A.io www. WWW. a.io a-b.example.org b--c.io x_.io -a.io a.io. :80 "
    ":99999 / /x /x-y_z /%41 /%4 ? ?a=1&b=2 &amp; &copy; # #x ( ) [ ] [a] [a]( ](http://a.io/x) ] "
    "](/r/x) ](/http://a.io) ](http://a.io/x ](http://a.io/ä_ "
    "![a]( \\( \\% \\ \\_ \\[ \\) ` `a` ``  < > <http://a.io> !< >! * ** _ ~ ~~ ' \" . .. ... "
    ", ; : ! ? ?! | ^ @ = + $ { } ä 漢 \u2019 \u2026 \u200b mailto: ftp:// word http "
    "https://e.com/a see".split()
)
glue = st.sampled_from(["", "", "", " ", "\n", "\n- ", "\n> ", "\n1. ", "\n    ", " \n"])


@settings(max_examples=2_000, deadline=None)
@given(st.lists(st.tuples(bit, glue), max_size=14))
def test_made_up_paragraphs(said: list[tuple[str, str]]) -> None:
    text = "".join(a + b for a, b in said)
    links = plain_links(text)
    assert links is None or links == list(parsed_links(text))


@pytest.mark.parametrize(
    "text",
    [
        "`http://a.io`",
        r"\[a](http://a.io)",
        "<http://a.io>",
        "![a](http://a.io)",
        "[a](http://a.io/(b)",
        "http://a.io/x(y",
        "http://a.io/ä",
        "[a](http://a.io/&copy;)",
        "http://a.io/%zz",
        "http://a.io/x~~",
        "http://a_b.io/",
    ],
)
def test_doubt_is_left_to_the_parser(text: str) -> None:
    links = plain_links(text)
    assert links is None or links == list(parsed_links(text))
    assert links is None or text.startswith(("`", "<"))
