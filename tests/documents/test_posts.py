"""Threads whose posts the markup lacks: JSON-LD as a way of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from html import escape
from typing import Any

import pytest
import thread_pages

from pipeline.documents.extract import extract
from pipeline.documents.page import Extracted, Page
from pipeline.documents.posts import read_posts, with_posts
from pipeline.documents.settings import DocumentsSettings
from pipeline.documents.verdict import verdict_on

TODAY = date(2026, 1, 1)
POSTS = thread_pages.posts(4)
NAME = {"@type": "Person", "name": "Harbourmaster"}


def html_of(post: list[str]) -> str:
    return "".join(f"<p>{paragraph}</p>" for paragraph in post)


def answer(post: list[str]) -> dict[str, Any]:
    return {"@type": "Answer", "text": html_of(post), "author": NAME, "upvoteCount": 3}


QUESTION = {
    "@context": "https://schema.org",
    "@type": "QAPage",
    "mainEntity": {
        "@type": "Question",
        "name": "Ferry",
        "text": html_of(POSTS[0]),
        "author": NAME,
        "acceptedAnswer": answer(POSTS[1]),
        "suggestedAnswer": [answer(POSTS[1]), answer(POSTS[2]), answer(POSTS[3])],
    },
}
DISCUSSION = {
    "@graph": [
        {"@type": "WebSite", "name": "Boats", "text": "All that floats is in our forum."},
        {
            "@type": ["DiscussionForumPosting", "Article"],
            "text": "\n\n".join(POSTS[0]),
            "comment": [
                {
                    "@type": "Comment",
                    "text": "\n\n".join(POSTS[1]),
                    "comment": {"@type": "Comment", "text": "\n\n".join(POSTS[2])},
                },
                {"@type": "Comment", "text": html_of(POSTS[3]).replace("<", "&lt;")},
            ],
        },
    ]
}
SHOWN = {
    "nothing": "<div id='app'></div>",
    "the first post": f"<main><div class='post'>{html_of(POSTS[0])}</div></main>",
    "the beginning of the first": f"<main><div class='post'><p>{POSTS[0][0]}</p></div></main>",
    "all posts": "<main>"
    + "".join(f"<div class='post'>{html_of(post)}</div>" for post in POSTS)
    + "</main>",
}


def read(shown: str, *scripts: str) -> Extracted:
    data = "".join(f"<script type='application/ld+json'>{script}</script>" for script in scripts)
    return extract(f"<title>Ferry</title>{data}<body>{shown}", "https://example.org/t", TODAY)


@pytest.mark.parametrize("data", [QUESTION, DISCUSSION], ids=["question", "discussion"])
@pytest.mark.parametrize("shown", SHOWN)
def test_posts_stand_in_the_text_once_and_in_order(data: dict[str, Any], shown: str) -> None:
    found = read(SHOWN[shown], "{broken", json.dumps(data, indent=1))
    assert found.text.split("\n\n") == [paragraph for post in POSTS for paragraph in post]
    assert found.extractor == ("blocks" if shown == "all posts" else "json-ld")


#: JSON-LD as pages have it: cut, not valid, escaped, or in other forms of the same.
WRITTEN: dict[str, Callable[[str], str]] = {
    "cut at its end": lambda data: data[:-2],
    "cut in a name that nothing needs": lambda data: data[: data.rindex("upvote") + 4],
    "commas too many": lambda data: data.replace("}", ",}").replace("]", ",]"),
    "a comma too few": lambda data: data.replace('", "author"', '" "author"'),
    "comments": lambda data: "/* posts */\n" + data.replace(', "text"', ', // the post\n"text"'),
    "in a comment of HTML": lambda data: f"<!-- {data} -->",
    "in CDATA": lambda data: f"//<![CDATA[\n{data}\n//]]>",
    "escaped as text": escape,
    "assigned to a variable": lambda data: f"var thread = {data};",
    "quotes in a text": lambda data: data.replace("day", 'so-called "day"'),
    "an escape that is none": lambda data: data.replace("day", "da\\y"),
    "lines within a text": lambda data: data.replace(". ", ".\n"),
    "a number of 5,000 figures": lambda data: data.replace(": 3", ": " + "3" * 5_000),
    "half a character, and a zero": lambda data: data.replace("</p>", "\\ud83d\\u0000</p>"),
    "a mark of the byte order": lambda data: "\ufeff" + data,
    "a list": lambda data: f"[null, [{data}]]",
    "a graph": lambda data: f'{{"@graph": [7, {data}]}}',
    "a part of the page": lambda data: f'{{"@type": "WebPage", "hasPart": {data}}}',
    "types by their address": lambda data: data.replace(
        '"QAPage', '"https:\\/\\/schema.org\\/QAPage'
    ),
    "several types, one broken": lambda data: data.replace(
        '"QAPage"', '[{"a": 1}, null, "QAPage"]'
    ),
    "texts in lists": lambda data: re.sub(r'("text": )("[^"]*")', r"\1[3, \2]", data),
    "texts with a language": lambda data: re.sub(
        r'("text": )("[^"]*")', r'\1{"@value": \2, "@language": "en"}', data
    ),
}


@pytest.mark.parametrize("way", WRITTEN)
def test_posts_are_read_however_they_are_written(way: str) -> None:
    found = read(SHOWN["nothing"], WRITTEN[way](json.dumps(QUESTION)))
    assert found.extractor == "json-ld"
    assert all(map(str.isprintable, found.text.split("\n")))
    said = found.text.replace("\ufffd", "").replace('so-called "day"', "day").split()
    assert said == [word for post in POSTS for paragraph in post for word in paragraph.split()]


@pytest.mark.parametrize("kind", ["Application/LD+JSON", "application/ld+json; charset=utf-8"])
def test_the_kind_of_a_script_is_read_as_browsers_do(kind: str) -> None:
    page = f"<script type='{kind}'>{json.dumps(QUESTION)}</script><script>{{</script><p>Home"
    assert extract(page, "https://example.org/t", TODAY).extractor == "json-ld"


def test_a_page_of_which_only_json_ld_has_words_is_kept() -> None:
    script = f"<script type='application/ld+json'>{json.dumps(QUESTION)}</script>"
    page = f"<title>Ferry</title>{script}<body><p>Home</p>"
    address = "https://example.org/t"
    found = verdict_on(Page(address, page.encode(), "text/html", TODAY), DocumentsSettings())
    assert (found.outcome, found.document.extractor) == ("ok", "json-ld")


def test_a_text_of_quotation_marks_is_a_text() -> None:
    assert len(read_posts('{"@type": "QAPage", "text": "' + '"a' * 50_000)[0]) == 100_000


@pytest.mark.parametrize(
    "data",
    [
        '{"@type": "FAQPage", "mainEntity": {"@type": "Question", "text": "What does it cost?"}}',
        '{"@type": "QAPage", "mainEntity": {"@type": "Question", "text": 7}}',
        '{"@type": "QAPage"',
        '{"@type": "QAPage", "text": "' + '" ' * 50_000,
        '{"QAPage" ' + "/*" * 50_000,
        '"QAPage"',
        '{"@type": "QAPage", "mainEntity": ' + "[" * 100_000,
        '{"a":' * 9_000 + '"QAPage"' + "}" * 9_000,
        "{\n" * 9_000 + '"QAPage"',
    ],
)
def test_what_is_no_thread_has_no_posts(data: str) -> None:
    assert read_posts(data) == []


def test_text_of_its_own_stays_before_missing_posts() -> None:
    own = "The editors have chosen this thread for the winter issue of the paper."
    assert with_posts(f"{own}\n\nB is a longer post.", ["A is a post.", "B is a longer post."]) == (
        f"{own}\n\nB is a longer post.\n\nA is a post."
    )
