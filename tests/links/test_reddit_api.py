"""The API source against a server on loopback that speaks OAuth and listings as Reddit does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from reddit_server import OVERRIDE, Reddit, serve_reddit

from pipeline.links.dumps import blocks, lines
from pipeline.links.mentions import SourceUnit, read_source
from pipeline.links.reddit_api import RedditApi, listing_posts, named_things
from pipeline.links.sources import SourceItem
from pipeline.sample import POSTS
from pipeline.store import files
from pipeline.store.errors import SettingError, WebtextError

pytest.importorskip("praw")


@pytest.fixture
def reddit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reddit]:
    """Knows 250 posts of the bundled sample, and who wrote them."""
    rows = [json.loads(line) for block in blocks(str(POSTS)) for _, line in lines(block)]
    posts = [row | {"author": "someone"} for row in rows[:250]]
    with serve_reddit(posts, tmp_path) as server:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv(*OVERRIDE)
        monkeypatch.setattr("praw.config.Config.CONFIG", None)  # it is read once a process
        yield server


def source(**values: Any) -> RedditApi:
    return RedditApi.model_validate({"kind": "reddit-api", **values})


def test_listing_is_read_page_by_page(reddit: Reddit) -> None:
    api = source(subreddits=["linux"], limit=230)
    got = list(listing_posts(api, "linux"))
    assert [post["name"] for post in got] == [post["name"] for post in reddit.posts[:230]]
    assert [query["limit"] for _, query in reddit.asked] == ["100", "100", "30"]
    assert all(query["raw_json"] == "1" and query["t"] == "month" for _, query in reddit.asked)


def test_known_posts_are_asked_for_by_the_hundred(reddit: Reddit) -> None:
    names = [post["name"] for post in reddit.posts]
    got = list(named_things("DEFAULT", [*names, "t3_gone"]))
    assert {post["name"] for post in got} == set(names)
    assert [len(query["id"].split(",")) for _, query in reddit.asked] == [100, 100, 51]


def test_429_is_waited_for_and_refusals_are_named(
    reddit: Reddit, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("pipeline.links.reddit_api.time.sleep", waits.append)
    reddit.refuse = [429, 429]
    assert len(list(listing_posts(source(subreddits=["x"], limit=5), "x"))) == 5
    assert waits.count(0.0) >= 2
    with pytest.raises(WebtextError, match="refuses r/private/top"):
        list(listing_posts(source(subreddits=["private"]), "private"))
    reddit.refuse = [429] * 6
    with pytest.raises(WebtextError, match="fails 6 times at r/x/top"):
        list(listing_posts(source(subreddits=["x"]), "x"))


def test_retry_after_may_be_a_date(reddit: Reddit, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("pipeline.links.reddit_api.time.sleep", waits.append)
    reddit.retry_after = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    reddit.refuse = [429]
    assert len(list(listing_posts(source(subreddits=["x"], limit=5), "x"))) == 5
    assert [wait for wait in waits if 30 < wait <= 90]


def test_a_list_of_known_posts_goes_on_where_it_was_stopped(
    reddit: Reddit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.links.reddit_api._SLICE", 100)
    names = [post["name"] for post in reddit.posts]
    (tmp_path / "names.txt").write_text("\n".join(names))
    path = str(tmp_path / "names.txt")
    folder = str(tmp_path / "links")
    api = source(rescore=path)
    unit = SourceUnit(SourceItem(api, path, "rescore"), 0, folder, "key", True)
    reddit.refuse = [0, 0, 403]
    with pytest.raises(WebtextError, match="refuses api/info"):
        read_source(unit)
    resumed = read_source(unit)
    assert [len(query["id"].split(",")) for _, query in reddit.asked] == [100, 100, 50, 50]
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("answers-*/*.jsonl"))
    assert kept.count(b"\n") == len(names)
    assert b'"author"' not in kept
    whole = read_source(replace(unit, folder=str(tmp_path / "whole")))
    assert resumed[-1].extra == whole[-1].extra
    assert [p.file.sha256 for p in resumed if p.file] == [p.file.sha256 for p in whole if p.file]


def test_posts_become_mentions_and_are_not_asked_again(reddit: Reddit, tmp_path: Path) -> None:
    api = source(subreddits=["linux"])
    unit = SourceUnit(SourceItem(api, "linux", "listing"), 0, str(tmp_path), "key", True)
    parts = read_source(unit)
    run = next(p.file for p in parts if p.file and "mentions" in p.file.name)
    rows = pq.read_table(files.join(str(tmp_path), run.name)).to_pylist()
    assert {row["reddit_id"] for row in rows} <= {post["name"] for post in reddit.posts}
    assert len(rows) >= 150
    asked = len(reddit.asked)
    again = read_source(unit)
    assert len(reddit.asked) == asked
    assert sum(p.file.rows for p in again if p.file) == sum(p.file.rows for p in parts if p.file)


def test_half_a_surrogate_costs_its_post_alone(reddit: Reddit, tmp_path: Path) -> None:
    reddit.posts[3]["url"] = "https://a.io/\ud800"
    api = source(subreddits=["linux"], limit=10)
    named = tmp_path / "names.txt"
    named.write_text("\n".join(post["name"] for post in reddit.posts[:10]))
    for number, (path, part) in enumerate([("linux", "listing"), (str(named), "rescore")]):
        unit = SourceUnit(SourceItem(api, path, part), number, str(tmp_path), "key", True)
        numbers = read_source(unit)[-1].extra
        assert (numbers["lines"], numbers["bad_lines"]) == (10, 1)
        assert numbers["mentions"] >= 5


def test_missing_credentials_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("praw.config.Config.CONFIG", None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingError, match=r"no credentials.*praw\.ini"):
        list(listing_posts(source(subreddits=["x"]), "x"))
    with pytest.raises(SettingError, match=r"no credentials.*praw\.ini"):
        list(listing_posts(source(subreddits=["x"], site="nowhere"), "x"))
