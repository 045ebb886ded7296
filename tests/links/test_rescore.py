"""`webtext rescore`: posts that a dump caught young get the score of now, and come in by it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from reddit_server import OVERRIDE, Reddit, serve_reddit
from support import Run

from pipeline.build.recipe import read_recipe
from pipeline.links.mentions import SourceUnit, read_source
from pipeline.links.reddit_api import RedditApi
from pipeline.links.rescore import RescoreOptions, rescore_dumps
from pipeline.store.corpus import Corpus
from pipeline.store.errors import WebtextError

pytest.importorskip("praw")

CREATED, HOUR = 1_704_067_200, 3600
Rescore = Callable[..., str]

RECIPE = """
[corpus]
root = "{folder}/corpus"
[links]
min_karma = 3
[[links.sources]]
kind = "reddit-dump"
posts = "{folder}/RS_{{interval}}.jsonl"
scores = "{folder}/scores/{{interval}}.jsonl"
[pages]
source = "warc"
warc = ["none.warc.gz"]
"""


def post(number: int, **more: Any) -> dict[str, Any]:
    """A post as dumps have it, caught ten seconds after it was made with a score of 1."""
    return {
        "id": f"p{number}",
        "author": "somebody",
        "subreddit": "linux",
        "score": 1,
        "created_utc": CREATED,
        "retrieved_on": CREATED + 10,
        "url": f"https://example.org/{number}?a=1&amp;copy=2",
        "is_self": False,
        **more,
    }


#: 250 young posts with links, and others that are not asked for.
POSTS = [
    *(post(number) for number in range(250)),
    post(300, retrieved_on=CREATED + 30 * HOUR),
    post(301, _meta={"retrieved_2nd_on": CREATED + 36 * HOUR}),
    post(302, url="https://www.reddit.com/r/linux/", over_18=False),
    post(303, over_18=True),
    post(304, retrieved_on=None),
    post(305, created_utc="no time"),
]


@pytest.fixture
def reddit(tmp_path: Path) -> Iterator[Reddit]:
    """Knows all posts but one; of every ten, one has grown."""
    now = [{**one, "name": f"t3_{one['id']}", "score": 1} for one in POSTS if one["id"] != "p7"]
    for one in now[::10]:
        one["score"] = 57
    (tmp_path / "RS_2024-01.jsonl").write_text("".join(json.dumps(one) + "\n" for one in POSTS))
    (tmp_path / "recipe.toml").write_text(RECIPE.format(folder=tmp_path))
    with serve_reddit(now, tmp_path) as server:
        yield server


@pytest.fixture
def run(webtext: Run, tmp_path: Path) -> Rescore:
    def command(name: str, *more: str, code: int = 0) -> str:
        # PRAW looks for praw.ini in the current folder, and in that of the configuration.
        environment = {**os.environ, **dict([OVERRIDE]), "XDG_CONFIG_HOME": str(tmp_path)}
        asked = [name, str(tmp_path / "recipe.toml"), "--interval=2024-01", *more]
        done = webtext(*asked, environment=environment)
        assert done.returncode == code, done.stdout
        return done.stdout

    return command


def asked_for(reddit: Reddit) -> list[int]:
    return [len(query["id"].split(",")) for path, query in reddit.asked if path == "/api/info"]


def test_young_posts_get_the_score_of_now_and_come_in(
    reddit: Reddit, run: Rescore, tmp_path: Path
) -> None:
    assert "scores/2024-01.jsonl" in run("ready", code=3)
    assert "are there" in run("ready", "--no-scores")
    said = run("rescore")
    assert (
        "Of 256 posts and 0 comments 250 were caught young and 1 do not say when; "
        "asked for 250, got 249" in said
    )
    assert asked_for(reddit) == [100, 100, 50]
    rows = [json.loads(line) for line in (tmp_path / "scores/2024-01.jsonl").open()]
    assert len(rows) == 249
    assert not (tmp_path / "scores/2024-01.jsonl.parts").exists()
    assert rows[0] == {
        name: value
        for name, value in {**POSTS[0], "score": 57}.items()
        if name not in ("author", "retrieved_on")
    }
    run("build", "--until=links", "--workers=1")
    links = Corpus(str(tmp_path / "corpus")).require("links", "2024-01")
    assert links.counts.kept == sum(row["score"] == 57 for row in rows)
    assert "is there; remove it" in run("rescore")
    assert len(reddit.asked) == 3


def test_what_was_asked_for_is_not_asked_again_after_a_failure(
    reddit: Reddit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(*OVERRIDE)
    monkeypatch.setattr("praw.config.Config.CONFIG", None)  # it is read once a process
    monkeypatch.setattr("pipeline.links.rescore._AT_ONCE", 100)
    links = read_recipe("recipe.toml", ["corpus.interval=2024-01"]).links

    def refuse_after_two_slices(said: str) -> None:
        if said.startswith("rescore: 200 "):
            reddit.refuse = [403]

    with pytest.raises(WebtextError, match="refuses api/info"):
        rescore_dumps(
            links, RescoreOptions(24, unknown=True, site="DEFAULT"), refuse_after_two_slices
        )
    assert asked_for(reddit) == [100, 100, 51]
    assert not Path("scores/2024-01.jsonl").exists()
    numbers = rescore_dumps(links, RescoreOptions(24, unknown=True, site="DEFAULT"), print)
    assert asked_for(reddit) == [100, 100, 51, 51]
    assert (numbers.asked, numbers.got) == (251, 250)
    assert Path("scores/2024-01.jsonl").read_bytes().count(b"\n") == 250


def test_a_recipe_without_scores_says_what_is_missing(
    reddit: Reddit, run: Rescore, tmp_path: Path
) -> None:
    assert "Run `webtext rescore RECIPE` first" in run("build", "--until=links", code=2)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("".join(x for x in recipe.open() if not x.startswith("scores")))
    assert "no reddit-dump says where its scores go" in run("rescore", code=2)


def spoken(number: int, text: str, **more: Any) -> dict[str, Any]:
    """A comment as dumps have it, caught ten seconds after it was made, its score hidden."""
    return {
        "id": f"c{number}",
        "author": "somebody",
        "body": text,
        "subreddit": "linux",
        "link_id": "t3_p1",
        "score": 1,
        "score_hidden": True,
        "created_utc": CREATED,
        "retrieved_on": CREATED + 10,
        **more,
    }


COMMENTS = [
    *(spoken(number, f"see https://example.org/c{number}?a=1&amp;b=2") for number in range(5)),
    spoken(5, "nothing"),
    spoken(6, "https://example.org/old", retrieved_on=CREATED + 30 * HOUR, score_hidden=False),
    spoken(7, "https://example.org/hidden", retrieved_on=None),
    spoken(8, "https://example.org/new", score_hidden=False, score=2),
]


def test_a_dump_of_comments_alone_is_rescored(reddit: Reddit, run: Rescore, tmp_path: Path) -> None:
    reddit.posts = [{**one, "name": f"t1_{one['id']}", "score": 9} for one in COMMENTS]
    for one in reddit.posts:
        one["score_hidden"] = one["id"] == "c4"  # still
    (tmp_path / "RC_2024-01.jsonl").write_text("".join(json.dumps(c) + "\n" for c in COMMENTS))
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("posts =", "comments =").replace("RS_", "RC_"))
    said = run("rescore")
    assert "Of 0 posts and 9 comments 7 were caught young" in said
    assert "asked for 7, got 6" in said
    (query,) = (query for path, query in reddit.asked if path == "/api/info")
    assert query["id"] == ",".join(f"t1_c{number}" for number in (0, 1, 2, 3, 4, 7, 8))
    written = (tmp_path / "scores/2024-01.jsonl").read_text()
    rows = [json.loads(line) for line in written.splitlines()]
    assert {row["score"] for row in rows} == {9}
    assert not re.search("author|_hidden|retrieved", written)
    built = run("build", "--until=links", "--workers=1")
    assert "caught too early" not in built
    links = Corpus(str(tmp_path / "corpus")).require("links", "2024-01")
    assert links.counts.kept == 6
    assert links.extra["mentions"] == 2 + 6
    assert links.audit["score months"]["comments 2024-01"]["rescored"] == 6


def test_names_of_comments_are_asked_for_as_posts_are(
    reddit: Reddit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(*OVERRIDE)
    monkeypatch.setattr("praw.config.Config.CONFIG", None)  # it is read once a process
    reddit.posts = [
        {**COMMENTS[0], "name": "t1_c0", "score": 9, "score_hidden": False},
        {**POSTS[0], "name": "t3_p0", "score": 7, "url": "https://example.org/p"},
    ]
    (tmp_path / "names.txt").write_text("t1_c0\nt3_p0\nt1_gone\n")
    api = RedditApi(kind="reddit-api", rescore=str(tmp_path / "names.txt"))
    unit = SourceUnit(api.find()[0], 0, str(tmp_path / "links"), "key", over_18=True)
    parts = read_source(unit)
    assert parts[-1].extra["lines"] == 2
    assert parts[-1].audit["score months"].keys() == {"comments 2024-01", "posts 2024-01"}
