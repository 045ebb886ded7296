"""The links stage as users run it: real dumps through the real stage."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import apache_beam as beam
import orjson
import pyarrow.parquet as pq
import pytest
import zstandard
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipeline.build.recipe import Recipe
from pipeline.links.months import month_shares
from pipeline.links.settings import LinksSettings
from pipeline.links.stage import LinksStage
from pipeline.store.addresses import canonical_key
from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.manifest import Manifest


def run(root: Path, sources: list[dict[str, Any]], **settings: Any) -> Manifest:
    recipe = Recipe.checked(
        {
            "corpus": {"root": str(root), "interval": "2024-01"},
            "links": {"sources": sources, **settings},
            "pages": {"contact": "mailto:you@example.org"},
        },
        "test",
    )
    job = recipe.job()
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        _ = pipeline | LinksStage().transform(job)
    return Corpus(str(root)).require("links", "2024-01")


def table(root: Path) -> list[dict[str, Any]]:
    return [
        row
        for path in Corpus(str(root)).paths("links", "2024-01")
        for row in pq.read_table(path).to_pylist()
    ]


def dump(path: Path, rows: list[Any]) -> str:
    data = b"".join((r if isinstance(r, bytes) else orjson.dumps(r)) + b"\n" for r in rows)
    packer = zstandard.ZstdCompressor(write_checksum=True)
    path.write_bytes(packer.compress(data) if path.suffix == ".zst" else data)
    return str(path)


def post(number: int, url: str | None, score: int = 5, **more: Any) -> dict[str, Any]:
    row = {"id": f"p{number}", "url": url, "score": score, "created_utc": 1704067200 + number}
    return row | {"subreddit": "linux", "is_self": False, "selftext": ""} | more


def comment(number: int, body: str, score: int = 5, **more: Any) -> dict[str, Any]:
    row = {"id": f"c{number}", "body": body, "score": score, "created_utc": "1704067300"}
    return row | {"subreddit": "linux", "link_id": "t3_p0"} | more


@pytest.mark.system
def test_month_gives_exactly_its_pages(shared_data: Path, tmp_path: Path) -> None:
    reddit = shared_data / "reddit"
    source = {
        "kind": "reddit-dump",
        "posts": f"{reddit}/RS_2024-01_docs.zst",
        "comments": f"{reddit}/RC_2024-01_docs.zst",
    }
    manifest = run(tmp_path, [source])
    with (reddit / "2024-01_docs.truth.tsv").open() as stream:
        truth = {canonical_key(url): int(k) for url, k in csv.reader(stream, delimiter="\t")}
    wanted = {key: karma for key, karma in truth.items() if karma >= 3}
    found = {row["key"]: row["karma"] for row in table(tmp_path)}
    assert len(wanted) == 2472
    assert found == wanted
    assert manifest.counts.kept == 2472
    assert manifest.counts.balanced()
    assert manifest.extra["bad_lines"] == 11  # 9 posts and 2 comments that were cut
    assert (tmp_path / "links/2024-01/rejected-00001.jsonl").exists()


@pytest.mark.system
@pytest.mark.parametrize(
    ("name", "lines"), [("RS_v2_2005-0[67].xz", 1182), ("RS_2013-08_top.zst", 59627)]
)
def test_genuine_months_run(shared_data: Path, tmp_path: Path, name: str, lines: int) -> None:
    source = {"kind": "reddit-dump", "posts": f"{shared_data}/reddit/{name}"}
    manifest = run(tmp_path, [source])
    assert manifest.extra["lines"] == lines
    assert manifest.extra["bad_lines"] == 0
    rows = table(tmp_path)
    assert len(rows) == manifest.counts.kept > 500
    assert all(row["karma"] >= 3 for row in rows)
    assert "2013" in name or all("&amp;" not in row["url"] for row in rows)
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)


def test_every_mention_is_kept_and_order_does_not_matter(tmp_path: Path) -> None:
    rows = [
        post(1, "https://a.example.org/x?utm_source=reddit", 9),
        post(2, "http://www.a.example.org/x", 1),
        post(3, None, is_self=True, selftext="see https://a.example.org/x and https://b.io/y"),
    ]
    said = []
    for name, order in (("one", rows), ("two", rows[::-1])):
        source = dump(tmp_path / f"{name}.zst", order)
        manifest = run(tmp_path / name, [{"kind": "reddit-dump", "posts": source}])
        said.append((manifest.fingerprint, table(tmp_path / name)))
    assert said[0] == said[1]
    link = next(row for row in said[0][1] if row["key"] == "a.example.org/x")
    assert (link["karma"], link["url"]) == (9, "https://a.example.org/x")
    assert [(m["kind"], m["score"]) for m in link["mentions"]] == [
        ("post", 9),
        ("post", 1),
        ("selftext", 5),
    ]


@pytest.mark.parametrize(
    ("settings", "kept", "dropped"),
    [
        ({}, {"a", "list"}, {"min_karma": 2}),
        ({"karma_rule": "sum"}, {"a", "sum", "list"}, {"min_karma": 1}),
        ({"karma_rule": "any"}, {"a", "sum", "low", "list"}, {}),
        ({"kinds": ["list"]}, {"list"}, {"kind": 3}),
        ({"since": "2024-01-02"}, {"list"}, {"date": 3}),
        ({"until": "2023-12-31"}, {"list"}, {"date": 3}),
        ({"until": "2024-01-01"}, {"a", "list"}, {"min_karma": 2}),
        ({"subreddits": ["pics"]}, {"list"}, {"subreddit": 3}),
        ({"block_subreddits": ["r/Linux"]}, {"list"}, {"subreddit": 3}),
        ({"domains": ["a.org"]}, {"a"}, {"domain_not_listed": 3}),
        ({"block_domains": ["a.org"]}, {"list"}, {"domain": 1, "min_karma": 2}),
        ({"min_karma": 1}, {"a", "sum", "low", "list"}, {}),
    ],
)
def test_rules(
    tmp_path: Path, settings: dict[str, Any], kept: set[str], dropped: dict[str, int]
) -> None:
    rows = [
        post(1, "https://a.org/"),
        post(2, "https://sum.org/", 2),
        post(3, "https://sum.org/", 2),
        post(4, "https://low.org/", 1),
    ]
    (tmp_path / "list.txt").write_text("https://list.org/\n")
    sources = [
        {"kind": "reddit-dump", "posts": dump(tmp_path / "RS.zst", rows)},
        {"kind": "urls", "path": str(tmp_path / "list.txt")},
    ]
    manifest = run(tmp_path, sources, **settings)
    assert {row["host"].removesuffix(".org") for row in table(tmp_path)} == kept
    assert manifest.counts.dropped == dropped


def test_drops_name_their_reason(tmp_path: Path) -> None:
    urls = [
        "https://www.reddit.com/r/linux/comments/1/x/",
        "/r/linux/comments/1/x/",
        "https://i.redd.it/1.jpg",
        "https://en.wikipedia.org/wiki/X",
        "https://example.org/a.PNG",
        "https://example.org/a.pdf",
        "javascript:alert(1)",
        "https://github.com/a/b",
        "https://example.org/a.txt",
    ]
    source = dump(tmp_path / "RS.zst", [post(n, url) for n, url in enumerate(urls)])
    manifest = run(tmp_path, [{"kind": "reddit-dump", "posts": source}])
    assert manifest.counts.dropped == {
        "reddit": 2,  # one page twice
        "wikipedia": 1,
        "media": 1,
        "file_type": 1,
        "no_address": 1,
    }
    assert {row["url"] for row in table(tmp_path)} == set(urls[-2:])


@pytest.mark.parametrize(("over_18", "kept"), [(False, {"ok.org"}), (True, {"ok.org", "x.org"})])
def test_comments_below_posts_over_18(tmp_path: Path, over_18: bool, kept: set[str]) -> None:
    posts = [post(0, None, is_self=True), post(1, "https://x.org/post", over_18=True)]
    comments = [
        comment(1, "https://x.org/comment", link_id="t3_p1"),
        comment(2, "https://ok.org/"),
        comment(3, "https://hidden.org/", score_hidden=True),
    ]
    source = {
        "kind": "reddit-dump",
        "posts": dump(tmp_path / "RS.zst", posts),
        "comments": dump(tmp_path / "RC.zst", comments),
    }
    manifest = run(tmp_path, [source], over_18=over_18)
    assert {row["host"] for row in table(tmp_path)} == kept
    assert manifest.extra["comments_over_18"] == (0 if over_18 else 1)


def test_bad_lines_are_kept_with_their_offset(tmp_path: Path) -> None:
    good = orjson.dumps(comment(1, "https://ok.org/"))
    lines = [good, b'{"id": "cut', b"\0\0\0", b"", b"[1]", b'{"id":"x","body":"www.\xff"}', good]
    source = dump(tmp_path / "RC.zst", lines)
    manifest = run(tmp_path, [{"kind": "reddit-dump", "comments": source}])
    assert manifest.extra["bad_lines"] == 4
    assert manifest.extra["lines"] == 6
    text = (tmp_path / "links/2024-01/rejected-00000.jsonl").read_text()
    rejected = [json.loads(line) for line in text.splitlines()]
    starts = [r["offset"] for r in rejected]
    raw = b"\n".join(lines)
    assert [raw[o:].split(b"\n")[0] for o in starts] == [lines[1], lines[2], lines[4], lines[5]]


def test_cut_dump_is_named_and_can_be_accepted(tmp_path: Path) -> None:
    rows = [post(n, f"https://e{n * n}.org/{n * 7919}") for n in range(3000)]
    path = Path(dump(tmp_path / "RS.zst", rows))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source = {"kind": "reddit-dump", "posts": str(path)}
    with pytest.raises(Exception, match=r"RS\.zst is cut or damaged.*at byte [\d,]+.*accept_cut"):
        run(tmp_path, [source])
    assert not (tmp_path / "links/2024-01/_manifest.json").exists()
    manifest = run(tmp_path, [source | {"accept_cut": True}])
    assert 0 < manifest.counts.kept < 3000


def test_a_source_that_is_read_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = {"kind": "reddit-dump", "posts": dump(tmp_path / "RS.zst", [post(1, "http://a.io")])}
    from pipeline.links import steps

    def stop(_: object) -> Manifest:
        raise WebtextError("stopped", "")

    monkeypatch.setattr(steps, "_checked", stop)
    with pytest.raises(Exception, match="stopped"):
        run(tmp_path, [source])
    monkeypatch.undo()
    work = next((tmp_path / "links/2024-01/_work").glob("mentions-*"))
    before = work.stat().st_mtime_ns
    reads: list[int] = []
    monkeypatch.setattr("pipeline.links.mentions.open_log", lambda *a: reads.append(1))
    assert run(tmp_path, [source]).counts.kept == 1
    assert not reads
    assert before > 0


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"kind": "hackernews"}, "no link source is of kind 'hackernews'. Known: reddit-api, re"),
        ({"kind": "url", "path": "x"}, "Did you mean urls"),
        ({"path": "urls.txt"}, "kind is missing. Known: reddit-api, re"),
        ({"kind": "urls", "pth": "x"}, r"link source of kind urls: unknown key pth.*mean path\?"),
        ({"kind": "urls"}, "link source of kind urls: path is missing"),
    ],
)
def test_a_source_is_what_its_kind_says(source: dict[str, str], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        LinksSettings.checked({"sources": [source]}, "recipe.toml")


def test_bad_settings_name_key_and_remedy(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="posts = .*matches no file"):
        run(tmp_path, [{"kind": "reddit-dump", "posts": f"{tmp_path}/RS_*.zst"}])
    with pytest.raises(SettingError, match="names no file"):
        run(tmp_path, [{"kind": "reddit-dump"}])
    with pytest.raises(SettingError, match="needs subreddits or rescore"):
        run(tmp_path, [{"kind": "reddit-api"}])
    (tmp_path / "empty.zst").touch()
    with pytest.raises(Exception, match=r"empty\.zst is empty"):
        run(tmp_path, [{"kind": "reddit-dump", "posts": f"{tmp_path}/empty.zst"}])
    low = dump(tmp_path / "RS.zst", [post(1, "https://a.io", 1)])
    with pytest.raises(Exception, match="keeps none of 1 addresses.*1 min_karma.*min_karma"):
        run(tmp_path, [{"kind": "reddit-dump", "posts": low}])


def test_months_out_of_line(tmp_path: Path) -> None:
    rows = []
    for month in range(6):
        for n in range(120):
            score = 10 if n % 12 == 0 or (month != 3 and n % 3) else 1
            made = 1704067200 + month * 31 * 86400
            number = month * 1000 + n
            rows.append(post(number, f"https://a{number}.org/", score, created_utc=made))
    source = dump(tmp_path / "RS.ndjson", [*rows, post(99999, "https://early.org/", 99)])
    manifest = run(tmp_path, [{"kind": "reddit-dump", "posts": source}])
    shares = month_shares(manifest.extra)
    assert [m.month for m in shares if m.out_of_line] == ["2024-04"]
    assert sum(m.asked for m in shares) == len(rows) + 1
    # 92 % at score 1, and nothing says when they were read.
    assert [w.split(" (")[0] for w in manifest.warnings] == [
        "Scores of posts were caught too early in 2024-04"
    ]
