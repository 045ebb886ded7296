"""Posts and comments of all years: odd values where nobody looks, crossposts, names of the API."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.links.comments import comment_links
from pipeline.links.mentions import SourceUnit, read_source
from pipeline.links.posts import is_crosspost, post_links, turned_away
from pipeline.links.records import BadLineError
from pipeline.links.reddit_dump import RedditDump
from pipeline.links.sources import SourceItem
from pipeline.links.things import Comment, Post, full_name, parse_comment, parse_post, thing_of
from pipeline.store.addresses import page_of

from .test_links_stage import comment, dump, post, run, table

POST = b'{"id":"1","url":"http://a.io/","score":3,"created_utc":1,"subreddit":"x"%b}'
COMMENT = b'{"id":"1","body":"http://a.io/","score":3,"created_utc":1,"link_id":"t3_2"%b}'
#: What stands in fields that nobody uses.
UNUSED = [
    b',"x":NaN',
    b',"x":-Infinity,"y":1e999',
    rb',"title":"\ud83d"',
    b',"title":"\xff\xfe"',
    b',"title":"\xed\xa0\xbd"',
    b',"author":"a\0b\1"',
    b',"gildings":{"gid_1":NaN,"a":[{"b":"\xff"}]}',
    b',"_meta":"odd","retrieved_on":NaN',
    b',"_meta":{"retrieved_2nd_on":"\xff"},"hide_score":Infinity',
    b',"edited":00',
]


@pytest.mark.parametrize("more", UNUSED[:-1])
def test_odd_values_that_nobody_uses_cost_nothing(more: bytes) -> None:
    found = post_links(parse_post(POST % more)) + comment_links(parse_comment(COMMENT % more))
    assert [(m.url, m.score) for m in found] == [("http://a.io/", 3)] * 2


@pytest.mark.parametrize(
    "line",
    [
        POST % UNUSED[-1],
        POST.replace(b"a.io", rb"a.io\ud83d") % b"",
        POST.replace(b"a.io", b"a.io\xff") % b"",
        POST.replace(b'"1"', b'"\xff"') % b"",
        POST.replace(b"3", b"NaN", 1) % b"",
        POST.replace(b"3", b"null", 1) % b"",
        POST.replace(b":1,", b":Infinity,") % b"",
        b"[1]",
        b"NaN",
        b"{" * 100_000,
    ],
)
def test_odd_values_that_count_cost_the_line(line: bytes) -> None:
    with pytest.raises(BadLineError):
        post_links(parse_post(line))


def test_half_a_character_in_a_text_costs_no_link() -> None:
    line = (
        rb'{"id":"1","is_self":true,"selftext":"see http://a.io/ \ud83d","score":3,"created_utc":1}'
    )
    assert [m.url for m in post_links(parse_post(line))] == ["http://a.io/"]
    spoken = (
        COMMENT.replace(b"http://a.io/", b"\xff http://a.io/ \xf0\x9f") % b',"subreddit":"\xff"'
    )
    assert [(m.url, m.subreddit) for m in comment_links(parse_comment(spoken))] == [
        ("http://a.io/", "�")
    ]


PARENT = {"url": "https://a.io/?x=1&amp;y=2", "is_self": False, "author": "somebody"}


@pytest.mark.parametrize(
    ("more", "url"),
    [
        ({"url": "/r/x/comments/1/t/", "crosspost_parent_list": [PARENT]}, "https://a.io/?x=1&y=2"),
        (
            {"url": "https://www.reddit.com/r/x/1/", "crosspost_parent_list": [PARENT]},
            "https://a.io/?x=1&y=2",
        ),
        ({"url": None, "crosspost_parent_list": [PARENT]}, "https://a.io/?x=1&y=2"),
        (
            {
                "url": "/r/x/comments/1/t/",
                "crosspost_parent_list": [PARENT | {"url_overridden_by_dest": "https://b.io/"}],
            },
            "https://b.io/",
        ),
        ({"url": "https://c.io/", "crosspost_parent_list": [PARENT]}, "https://c.io/"),
        (
            {"url": "/r/x/1/", "crosspost_parent_list": [PARENT | {"is_self": True}]},
            "/r/x/1/",
        ),
        ({"url": "/r/x/1/", "crosspost_parent_list": []}, "/r/x/1/"),
        ({"url": "/r/x/1/", "crosspost_parent_list": "odd"}, "/r/x/1/"),
        ({"url": "/r/x/1/", "crosspost_parent_list": [None, 1]}, "/r/x/1/"),
        ({"url": "/r/x/1/", "crosspost_parent_list": [{"url": 7}]}, "/r/x/1/"),
        ({"url": "https://notreddit.com/", "crosspost_parent_list": [PARENT]}, None),
    ],
)
def test_a_crosspost_is_for_the_link_it_repeats(more: dict[str, Any], url: str | None) -> None:
    row = post(1, None, 35) | more
    (mention,) = post_links(parse_post(orjson.dumps(row)))
    assert (mention.url, mention.score) == (url or row["url"], 35)
    # As the API answers it, without escapes.
    (mention,) = post_links(thing_of(row | {"name": "t3_p1"}), escaped=False)  # type: ignore[arg-type]
    assert mention.url.replace("&amp;", "&") == (url or row["url"])


@pytest.mark.parametrize(("crossposts", "karma"), [(True, 50), (False, 4)])
def test_karma_of_crossposts(tmp_path: Path, crossposts: bool, karma: int) -> None:
    repeats = {"crosspost_parent": "t3_p1", "crosspost_parent_list": [PARENT]}
    rows = [post(1, PARENT["url"], 4), post(2, "/r/x/comments/p1/t/", 50, **repeats)]
    source = dump(tmp_path / "RS.zst", rows)
    manifest = run(tmp_path, [{"kind": "reddit-dump", "posts": source}], crossposts=crossposts)
    (link,) = table(tmp_path)
    assert link["karma"] == karma
    assert manifest.extra.get("posts_crosspost", 0) == (not crossposts)
    assert (
        b"somebody"
        not in (tmp_path / "links/2024-01").joinpath("part-00000-of-00001.parquet").read_bytes()
    )


def test_things_are_told_by_their_names() -> None:
    said = thing_of({"name": "t1_c", "id": "c", "body": "x"})
    assert isinstance(said, Comment)
    posted = thing_of({"name": "t3_p", "id": "p", "crosspost_parent_list": None})
    assert isinstance(posted, Post)
    assert (full_name(said), full_name(posted)) == ("t1_c", "t3_p")
    assert not is_crosspost(posted)
    assert turned_away(parse_post(POST % b',"promoted":true'), over_18=True) == "promoted"


#: How a post or comment of a year differs from one of today (arctic_shift's schemas of all months).
YEARS: dict[int, dict[str, Any]] = {
    2005: {"hide_score": False, "author_flair_text": None},
    2008: {"retrieved_on": 1522696855, "promoted": False},
    2012: {"name": "t3_x", "ups": 5, "downs": 0},
    2014: {"created_utc": "1388534400", "retrieved_on": 1441000000},
    2015: {"created_utc": "1420070400", "from_kind": None, "retrieved_on": 1443167379},
    2017: {"edited": 1500000000.0, "suggested_sort": None, "preview": {"images": []}},
    2018: {
        "crosspost_parent": "t3_x",
        "crosspost_parent_list": [{"url": "/r/y/", "is_self": True}],
    },
    2020: {"retrieved_utc": 1623629469, "gallery_data": None, "all_awardings": []},
    2022: {"url_overridden_by_dest": None, "domain": None, "updated_utc": 1656093447},
    2023: {"retrieved_on": 1693617081, "upvote_ratio": 0.97},
    2024: {"retrieved_on": 1704067216, "_meta": {"retrieved_2nd_on": 1704196800, "note": "x"}},
}
JUNK: list[bytes] = [
    b'{"id":"cut","url":"http://junk.io',
    b"",
    b" ",
    b"\0" * 40,
    b"[]",
    b"null",
    b'{"id":"a","score":1,"created_utc":1}{"id":"b"}',
    b'{"id":"s","score":null,"created_utc":1,"url":"http://junk.io/","body":"http://junk.io/"}',
]
TURNED_AWAY = JUNK[-2:-1]
_LONG = zstandard.ZstdCompressionParameters.from_level(3, window_log=27, enable_ldm=True)


def _long_window(data: bytes) -> bytes:
    packer = zstandard.ZstdCompressor(compression_params=_LONG).compressobj()
    return packer.compress(data) + packer.flush()


def _in_frames(data: bytes) -> bytes:
    skipped = b"\x50\x2a\x4d\x18\x04\0\0\0skip"
    half = len(data) // 2
    return zstandard.compress(data[:half]) + skipped + zstandard.compress(data[half:])


PACKERS: list[Callable[[bytes], bytes]] = [
    bytes, zstandard.compress, _long_window, _in_frames, gzip.compress, lzma.compress, bz2.compress,
    lambda data: b"\xef\xbb\xbf" + data,
    lambda data: data.replace(b"\n", b"\r\n"),
    lambda data: gzip.compress(data[: len(data) // 2]) + gzip.compress(data[len(data) // 2 :]),
]  # fmt: skip
record = st.tuples(st.sampled_from(sorted(YEARS)), st.sampled_from([b"", *UNUSED[:-1]]))
line = st.one_of(record, st.sampled_from(JUNK))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(line, min_size=1, max_size=25), st.sampled_from(PACKERS), st.booleans(), st.booleans()
)
def test_odd_dumps_give_what_their_good_lines_hold(
    tmp_path_factory: pytest.TempPathFactory,
    said: list[Any],
    pack: Callable[[bytes], bytes],
    comments: bool,
    ended: bool,
) -> None:
    """Fields of every year, junk between, any packing: each good line gives its link."""
    written, urls, bad = [], set(), 0
    for number, what in enumerate(said):
        if isinstance(what, bytes):
            written.append(what)
            # Comments without an address are turned away unread, if they look whole.
            bad += bool(what.strip()) and not (comments and what in TURNED_AWAY)
            continue
        year, more = what
        url = f"http://p{number}.example.org/"
        row = comment(number, f"see {url}") if comments else post(number, url)
        urls.add(url)
        written.append(orjson.dumps(row | YEARS[year])[:-1] + more + b"}")
    if not urls:
        return
    folder = tmp_path_factory.mktemp("odd")
    path = folder / "dump"
    path.write_bytes(pack(b"\n".join(written) + (b"\n" if ended else b"")))
    part = "comments" if comments else "posts"
    source = RedditDump.model_validate({"kind": "reddit-dump", part: str(path)})
    parts = read_source(SourceUnit(SourceItem(source, str(path), part), 0, str(folder), "k", True))
    numbers = parts[-1].extra
    assert numbers["mentions"] == len(urls)
    assert numbers["bad_lines"] == bad
    assert numbers["lines"] == sum(not isinstance(w, bytes) or bool(w.strip()) for w in said)


def test_a_cut_file_of_any_packing_is_named(tmp_path: Path) -> None:
    data = b"".join(
        orjson.dumps(post(n, f"http://p{n * 7919}.example.org/{n * n}")) + b"\n"
        for n in range(2_000)
    )
    for number, pack in enumerate(PACKERS[1:7]):
        path = tmp_path / f"RS_{number}"
        path.write_bytes(pack(data)[:-400])
        source = RedditDump(kind="reddit-dump", posts=str(path))
        unit = SourceUnit(SourceItem(source, str(path), "posts"), number, str(tmp_path), "k", True)
        with pytest.raises(Exception, match=rf"RS_{number} is cut or damaged.*accept_cut"):
            read_source(unit)
        cut = source.model_copy(update={"accept_cut": True})
        unit = SourceUnit(SourceItem(cut, str(path), "posts"), number, str(tmp_path), "k", True)
        assert read_source(unit)[-1].extra["mentions"] < 2_000


def test_addresses_of_dumps_are_read_as_browsers_do(tmp_path: Path) -> None:
    """The kinds of `keys.tsv` through the whole stage: what is one page, and what is two."""
    urls = [
        "https://twitter.com/#!/a/1", "https://twitter.com/#!/b/2", "http://straße.example.org/",
        "http://strasse.example.org/", "https://c.org/x/amp", "https://c.org/x",
        "http://c.org/p?ref=1", "http://c.org/p?ref=2", "https://d.org/a?x=1?utm_source=r",
        "https://d.org/a?x=1", "http:\\\\e.org\\x", "http://http://e.org/x", "http://e.org\\x",
        "https://www.google.com/url?q=&url=https%3A%2F%2Ff.org%2Fn", "https://f.org/n",
    ]  # fmt: skip
    source = dump(tmp_path / "RS.zst", [post(n, url) for n, url in enumerate(urls)])
    run(tmp_path, [{"kind": "reddit-dump", "posts": source}])
    kept = {row["key"]: len(row["mentions"]) for row in table(tmp_path)}
    assert len(kept) == 11
    assert kept["e.org/x"] == 3
    assert kept["d.org/a?x=1"] == kept["f.org/n"] == 2
    assert {page.key for url in urls if (page := page_of(url))} == set(kept)
