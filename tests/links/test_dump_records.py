"""Records of dumps: posts of all years as a table, and lines that someone made to do harm."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.links import markdown
from pipeline.links.mentions import to_row
from pipeline.links.posts import post_links, turned_away
from pipeline.links.records import BadLineError
from pipeline.links.things import parse_post, parse_posts

from .test_links_stage import dump, post, run, table

VARIANTS: list[tuple[str, dict[str, Any], set[str]]] = [  # what, the post, its links
    ("numbers of 2014 as strings", post(1, "http://a.io/") | {"created_utc": "1388534400"}, {"a"}),
    ("a time with a fraction", post(1, "http://a.io/") | {"created_utc": 1388534400.0}, {"a"}),
    (
        "no name, no flags, no texts",
        {"id": "1", "url": "http://a.io", "score": 3} | {"created_utc": 1},
        {"a"},
    ),
    ("2022-08: null", post(1, None, domain=None), set()),
    ("2022-08: null, yet overridden", post(1, None, url_overridden_by_dest="http://b.io/"), {"b"}),
    (
        "since 2020: overridden",
        post(1, "http://a.io/", url_overridden_by_dest="http://b.io/"),
        {"b"},
    ),
    ("a crosspost", post(1, "/r/x/comments/1/", crosspost_parent="t3_2"), {"www.reddit"}),
    (
        "a gallery",
        post(
            1,
            "https://www.reddit.com/gallery/1",
            is_gallery=True,
            gallery_data={"items": [{"outbound_url": "http://g.io/"}, {"media_id": "m"}, None]},
        ),
        {"g", "www.reddit"},
    ),
    (
        "a gallery that is gone",
        post(1, "https://www.reddit.com/gallery/1", gallery_data={"items": None}),
        {"www.reddit"},
    ),
    ("an advertisement", post(1, "http://a.io/", promoted=True), set()),
    ("over 18", post(1, "http://a.io/", over_18=True), set()),
    (
        "removed by a moderator: its score stands",
        post(1, "http://a.io/", removed_by_category="moderator"),
        {"a"},
    ),
    ("a self text taken away", post(1, "http://r.io", is_self=True, selftext="[removed]"), set()),
    ("a self text deleted", post(1, "http://r.io", is_self=True, selftext="[deleted]"), set()),
    ("a self text that is null", post(1, "http://r.io", is_self=True, selftext=None), set()),
    ("escapes as in dumps", post(1, "http://a.io/?x=1&amp;y=2"), {"a"}),
    (
        "a link with a text below it",
        post(1, "http://a.io/", selftext="and http://b.io"),
        {"a", "b"},
    ),
    ("low and hidden scores of posts", post(1, "http://a.io/", -5, hide_score=True), {"a"}),
]


@pytest.mark.parametrize(("what", "row", "hosts"), VARIANTS, ids=[v[0] for v in VARIANTS])
def test_posts_of_all_years(what: str, row: dict[str, Any], hosts: set[str]) -> None:
    post_row = parse_post(orjson.dumps(row))
    found = [] if turned_away(post_row, over_18=False) else post_links(post_row)
    links = [to_row(mention) for mention in found]
    assert {link["host"].removesuffix(".io").removesuffix(".com") for link in links} == hosts
    assert all(link["reddit_id"].startswith("t3_") for link in links)
    assert not any("&amp;" in link["url"] for link in links)


def test_hostile_lines_cost_themselves_alone(tmp_path: Path) -> None:
    def with_field(name: str, value: bytes) -> bytes:
        row = orjson.dumps(post(9, "https://bad.org/"))[:-1]
        return row + b',"%b":%b}' % (name.encode(), value)

    hostile = [
        with_field("gallery_data", b"[" * 100_000 + b"]" * 100_000),
        with_field("more", b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        with_field("score", b"9" * 5_000),
        with_field("score", b'"%b"' % (b"9" * 5_000)),
        with_field("score", b"9223372036854775807"),
        with_field("score", b"1e999"),
        with_field("created_utc", b"9223372036854775807"),
        with_field("created_utc", b"253402300800"),
        with_field("created_utc", b'"nan"'),
        with_field("url", rb'"https://bad.org/\ud800"'),
        with_field("url", b'"https://bad.org/\xed\xa0\x80"'),
        b"{" * 200_000,
        b"\0" * 200_000,
    ]
    last = post(2, "https://last.org/", 2_147_483_647, created_utc=253402300799)
    lines = [post(1, "https://first.org/"), *hostile, last]
    rows = [
        "https://list.org/\t9223372036854775808",
        "https://list.org/\t1\t99999999999999999999999",
    ]
    rows.append("https://low.org/\t1")
    (tmp_path / "list.tsv").write_text("\n".join(rows))
    (tmp_path / "list.csv").write_text(
        'url,score\n"' + "x" * 200_000 + '",1\n\ufeff\nhttps://low.org/,1\n'
    )
    sources = [
        {"kind": "reddit-dump", "posts": dump(tmp_path / "RS.zst", lines)},
        {"kind": "urls", "path": f"{tmp_path}/list.?sv"},
    ]
    csv.field_size_limit(1 << 28)  # as another reader of this process may have set it
    manifest = run(tmp_path, sources)
    assert {row["host"] for row in table(tmp_path)} == {"first.org", "last.org"}
    assert manifest.extra["bad_lines"] == len(hostile) + 4


ROW = rb'{"id":"1","score":3,"created_utc":1,"url":"http://a.io","media":{"a":[{"b":"}{"}]}}'
LINES = [
    *(ROW, ROW, ROW, b"{}", b"", b" ", b"[]", b"1", b"{cut", ROW + ROW, ROW + b" " + ROW, b"{}}{"),
    *(ROW + b"\r", b" " + ROW, ROW + b",", b'{"id":', b'"2"}', b'{"id":"\0"}', b'{"id":"\xff"}'),
    *(rb'{"selftext":"\n{\n}"}', b'{"media":[{}', b"{}]}", b"{" * 2_000),
]


@given(st.lists(st.sampled_from(LINES), max_size=6), st.booleans())
def test_a_block_of_posts_is_what_its_lines_are(said: list[bytes], ended: bool) -> None:
    """Parsed at once or line by line: the same posts, or a doubt that has each line looked at."""
    data = b"\n".join(said) + (b"\n" if ended else b"")
    rows, posts = data.removesuffix(b"\n").split(b"\n"), parse_posts(data)
    if posts is not None:
        assert posts == [parse_post(row) for row in rows]
    elif data.endswith(b"\n"):
        assert not all(is_record(row) for row in rows)


def is_record(row: bytes) -> bool:
    """Whether a line is a JSON object from its first byte to its last, without a NUL."""
    try:
        parse_post(row)
    except BadLineError:
        return False
    return row == row.strip() and b"\0" not in row


def test_a_bad_post_among_good_ones_is_kept_with_its_offset(tmp_path: Path) -> None:
    good, bad = orjson.dumps(post(1, "http://a.io/")), orjson.dumps({"url": "http://b.io/"})
    source = dump(tmp_path / "RS.zst", [good, bad, good, bad])
    manifest = run(tmp_path, [{"kind": "reddit-dump", "posts": source}])
    text = (tmp_path / "links/2024-01/rejected-00000.jsonl").read_bytes()
    rejected = [orjson.loads(line) for line in text.splitlines()]
    assert manifest.extra["lines"] == 4
    first = len(good) + 1
    assert [row["offset"] for row in rejected] == [first, 2 * first + len(bad) + 1]
    assert [row["line"] for row in rejected] == [bad.decode()] * 2


def test_a_text_that_breaks_the_parser_costs_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a panic of Rust code comes: not as an Exception.  No text is known that causes one."""

    class PanicException(BaseException):
        pass

    def html(text: str, write: Callable[..., str] = markdown.pyromark.html, **options: Any) -> str:
        if "b.io" in text:
            raise PanicException("index out of bounds")
        return write(text, **options)

    monkeypatch.setattr(markdown.pyromark, "html", html)
    texts = [f"[x](http://{host}.io/)" for host in "abc"]
    rows = [post(n, "http://p.io/", selftext=text) for n, text in enumerate(texts)]
    manifest = run(tmp_path, [{"kind": "reddit-dump", "posts": dump(tmp_path / "RS.zst", rows)}])
    assert {row["host"] for row in table(tmp_path)} == {"p.io", "a.io", "c.io"}
    assert manifest.extra["bad_lines"] == 1
    said = (tmp_path / "links/2024-01/rejected-00000.jsonl").read_text()
    assert "the Markdown parser fails: index out of bounds" in said
