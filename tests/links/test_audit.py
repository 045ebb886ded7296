"""What a build says of its sources: the audit, its warnings, and files that are something else."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from support import Run

from pipeline.links.audit import early_months, is_early, source_lines, source_rows, warnings_of
from pipeline.links.scores import COLUMNS, ScoreTally
from pipeline.links.things import parse_comment, parse_post
from pipeline.store.corpus import Corpus

from .test_links_stage import comment, dump, post, run

NEW_YEAR = 1_704_067_200  # 2024-01-01
DAY = 86_400


def numbers(scored: int, **more: int) -> dict[str, int]:
    return {**dict.fromkeys(COLUMNS, 0), "scored": scored, **more}


#: (month, mean score, share hidden, mean age of scores in hours: None where `_meta` says that they
#: were read again, early): of the public dumps, as arctic_shift's schemas give them.
PUBLIC = {
    "posts": [
        ("2006-09", 3.81, 0.0, 100_000, False),
        ("2012-06", 25.29, 0.0, 100_000, False),
        ("2018-10", 72.35, 0.0, 801, False),
        ("2020-04", 69.53, 0.0, 272, False),
        ("2022-04", 56.18, 0.0005, 1094, False),
        ("2023-06", 39.89, 0.0009, 1741, False),
        ("2023-07", 10.21, 0.6889, 70, True),
        ("2023-08", 1.01, 0.9975, 0.01, True),
        ("2023-10", 1.0, 1.0, 0.0, True),
        ("2023-11", 31.01, 0.0507, None, False),
        ("2024-01", 25.54, 0.2028, None, True),
        ("2024-03", 1.96, 0.9698, None, True),
        ("2024-06", 32.04, 0.0255, None, False),
        ("2026-01", 40.24, 0.0111, None, False),
        ("2031-01", 40.0, 0.01, None, False),
    ],
    "comments": [
        ("2006-01", 1.35, 0.0, 93_567, False),
        ("2015-02", 5.38, 0.0049, 429, False),
        ("2022-10", 7.9, 0.0247, 543, False),
        ("2023-07", 2.75, 0.2991, 82, True),
        ("2023-09", 1.01, 0.4246, 0.01, True),
        ("2024-03", 6.63, 0.0255, None, False),
    ],
}


@pytest.mark.parametrize("kind", PUBLIC)
def test_months_of_the_public_dumps(kind: str) -> None:
    for month, mean, hidden, age, early in PUBLIC[kind]:
        young = 10_000 if age is not None and age < 24 else int(10_000 * hidden)
        row = numbers(
            10_000,
            score_sum=int(10_000 * mean),
            hidden=int(10_000 * hidden),
            dated=10_000,
            young=young,
        )
        assert is_early(kind, month, row) is early, month
        assert not is_early(kind, month, row | {"rescored": 1})


@pytest.mark.parametrize(
    ("what", "row", "early"),
    [
        ("a small forum, read late", numbers(500, score_1=480, score_sum=520, dated=500), False),
        ("nothing says when", numbers(500, score_1=480, score_sum=520), True),
        ("nothing says when, and few", numbers(99, score_1=99, score_sum=99), False),
        ("few, but they say so", numbers(20, score_1=20, score_sum=20, dated=20, young=20), True),
        ("too few", numbers(19, score_1=19, score_sum=19, dated=19, young=19), False),
        (
            "times of the first reading, scores of a later one",
            numbers(500, score_1=200, score_sum=15_000, dated=500, young=500),
            False,
        ),
        ("none has a score", numbers(0), False),
    ],
)
def test_other_months(what: str, row: dict[str, int], early: bool) -> None:
    assert is_early("posts", "2024-05", row) is early


def test_how_old_scores_are_is_told_by_any_field() -> None:
    tally = ScoreTally()
    rows: list[dict[str, Any]] = [
        {"retrieved_on": NEW_YEAR + 16},
        {"retrieved_utc": NEW_YEAR + 16.5},
        {"retrieved_on": str(NEW_YEAR + 16)},
        {"retrieved_on": NEW_YEAR + 16, "_meta": {"retrieved_2nd_on": NEW_YEAR + 36 * 3600}},
        {"retrieved_on": NEW_YEAR + 40 * DAY},
        {"hide_score": True},
        {"hide_score": False},
        {"retrieved_on": None, "_meta": "odd", "hide_score": "odd"},
        {"score": "7"},
        {"score": None},
        {"score": 10**30},
        {"created_utc": None},
    ]
    made = [{"id": "1", "score": 1, "created_utc": NEW_YEAR} | row for row in rows]
    tally.add([parse_post(json.dumps(row).encode()) for row in made])
    odd = b'{"id":"c","score":5,"created_utc":1706745600.0,"score_hidden":true,"x":NaN}'
    tally.add([parse_comment(odd)])
    months = tally.months()
    assert months == {
        "2024-01": numbers(9, score_1=8, score_sum=15, hidden=1, dated=6, young=4),
        "2024-02": numbers(1, score_sum=5, hidden=1, dated=1, young=1),
    }


def made_early(count: int, ones: float, start: int, **more: Any) -> list[dict[str, Any]]:
    """Posts of a day that were read 16 seconds after they were made, so many of them at 1."""
    return [
        post(start + n, f"https://h{start + n}.example.org/", 1 if n < ones * count else 90)
        | {"created_utc": start + n, "retrieved_on": start + n + 16, **more}
        for n in range(count)
    ]


def test_one_month_alone_is_judged(tmp_path: Path) -> None:
    source = dump(tmp_path / "RS_2024-03.zst", made_early(200, 0.98, NEW_YEAR, hide_score=True))
    manifest = run(tmp_path, [{"kind": "reddit-dump", "posts": source}])
    assert source_rows(manifest.audit) == [("RS_2024-03.zst", "200", "0", "200", "98%", "100%")]
    (warning,) = manifest.warnings
    assert "caught too early in 2024-01 (98% at score 1, mean 2.8; 36.6 in late dumps)" in warning
    assert "webtext rescore" in warning


def test_comments_are_judged_by_themselves(tmp_path: Path) -> None:
    comments = [
        comment(n, f"https://c{n}.example.org/", 1 + 30 * (n % 3 == 0))
        | {"created_utc": NEW_YEAR + n, "retrieved_on": NEW_YEAR + n + 9, "score_hidden": n % 2 > 0}
        for n in range(100)
    ]
    source = {
        "kind": "reddit-dump",
        "posts": dump(tmp_path / "RS.zst", made_early(50, 0.5, NEW_YEAR, retrieved_on=2**31)),
        "comments": dump(tmp_path / "RC.zst", comments),
    }
    manifest = run(tmp_path, [source])
    assert list(early_months(manifest.audit)) == ["comments"]
    (warning,) = manifest.warnings
    assert warning.startswith("Scores of comments were caught too early in part in 2024-01 (66%")


def test_sources_that_say_little_are_named(tmp_path: Path) -> None:
    good = [post(n, f"https://g{n}.example.org/") for n in range(100)]
    lines = [*good[:93], *[b'{"id": "cut'] * 7]
    sources = [
        {"kind": "reddit-dump", "posts": dump(tmp_path / "RS_bad.zst", lines)},
        {"kind": "reddit-dump", "posts": dump(tmp_path / "RS_good.zst", [*good[:96], *lines[-4:]])},
        {"kind": "reddit-dump", "comments": dump(tmp_path / "RC_none.zst", [comment(1, "no")])},
    ]
    manifest = run(tmp_path, sources)
    assert manifest.warnings == [
        "RC_none.zst: no link in 1 lines",
        "RS_bad.zst: 7 of 100 lines (7%) are no records of its kind; the first are kept in "
        "rejected-00001.jsonl",
    ]
    assert (tmp_path / "links/2024-01/rejected-00001.jsonl").read_text().count("\n") == 7
    assert source_lines(manifest.audit)[1].split() == ["RC_none.zst", "1", "0", "0"]
    assert source_lines({}) == []


def test_a_list_of_what_is_no_address_is_named(tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("".join(f"https://a{i}.org/\n" for i in range(30)))
    (tmp_path / "page.html").write_text('<a href="https://a.org/">a</a>\n' * 30)
    (tmp_path / "names.csv").write_text("url,score\n")
    names = ("good.txt", "page.html", "names.csv")
    manifest = run(tmp_path, [{"kind": "urls", "path": str(tmp_path / name)} for name in names])
    assert manifest.counts.kept == 30
    assert manifest.warnings == [
        "names.csv: no link in 0 lines",
        "page.html: 30 of 30 links (100%) are no addresses of the web, such as "
        "http://example.org/page",
    ]


def test_hidden_comments_alone_say_what_to_do(tmp_path: Path) -> None:
    rows = [
        comment(n, f"https://c{n}.example.org/", 1, score_hidden=True, retrieved_on=1704067305)
        for n in range(50)
    ]
    source = dump(tmp_path / "RC.zst", rows)
    with pytest.raises(
        Exception, match=r"keeps none of 0.*RC\.zst: no link in 50 lines; 50 scores w"
    ):
        run(tmp_path, [{"kind": "reddit-dump", "comments": source}])


GOOD = [post(n, f"https://g{n}.example.org/") for n in range(3)]
COMMENTS = [comment(n, f"https://c{n}.example.org/") for n in range(3)]
ARRAY = json.dumps(GOOD, indent=1).encode()


@pytest.mark.parametrize(
    ("name", "data", "kind", "said"),
    [
        ("RC.ndjson", COMMENTS, "posts", "holds comments, and posts = names it.*comments = "),
        ("RS.ndjson", GOOD, "comments", "holds posts, and comments = names it.*posts = "),
        ("RS.json", ARRAY, "posts", r"RS\.json is a JSON array.*one object a line.*jq"),
        ("RS.json", b"\xef\xbb\xbf" + ARRAY, "posts", "is a JSON array"),
        ("RS.txt", b"https://a.org/\nhttps://b.org/\n", "posts", "not one of 2 lines is a record"),
        ("RS.csv", b"url,score\nhttps://b.org/,1\n", "comments", "not one of 2 lines is a record"),
        ("RS.zip", b"PK\x03\x04rest", "posts", "RS.zip is a zip archive.*Unpack it"),
        ("RS.zst_blocks", b"\1\0\0\0\xff", "posts", "arctic_shift's own format.*toZst.py"),
        ("RS.zst", b"\x1f\x8b\x08", "posts", r"RS\.zst is cut or damaged"),
    ],
)
def test_files_that_are_not_what_is_said(
    tmp_path: Path, name: str, data: Any, kind: str, said: str
) -> None:
    if isinstance(data, list):
        dump(tmp_path / name, data)
    else:
        (tmp_path / name).write_bytes(data)
    good = {"posts": "RS_good.zst", "comments": "RC_good.zst"}
    sources = [
        {"kind": "reddit-dump", "posts": dump(tmp_path / good["posts"], GOOD)},
        {"kind": "reddit-dump", kind: str(tmp_path / name)},
    ]
    with pytest.raises(Exception, match=f"(?s){name}.*{said}|{said}"):
        run(tmp_path, sources)
    assert not list((tmp_path / "links/2024-01").glob("*anifest.json"))


def test_a_gzip_of_several_members_is_read(tmp_path: Path) -> None:
    packed = b"".join(gzip.compress(json.dumps(row).encode() + b"\n") for row in COMMENTS)
    (tmp_path / "RC.json.gz").write_bytes(packed)
    manifest = run(tmp_path, [{"kind": "reddit-dump", "comments": str(tmp_path / "RC.json.gz")}])
    assert manifest.counts.kept == 3


def test_a_mix_of_both_counts_one_as_bad_lines(tmp_path: Path) -> None:
    source = dump(tmp_path / "RS.zst", [*GOOD, COMMENTS[0]])
    manifest = run(tmp_path, [{"kind": "reddit-dump", "posts": source}])
    assert (manifest.counts.kept, manifest.extra["bad_lines"]) == (3, 1)
    assert "a comment, not a post" in (tmp_path / "links/2024-01/rejected-00000.jsonl").read_text()


RECIPE = """
[corpus]
root = "{folder}/corpus"
interval = "2024-01"
[links]
sources = [{{ kind = "reddit-dump", posts = "{folder}/RS_*.zst" }}]
[pages]
source = "warc"
warc = ["none.warc.gz"]
"""


def test_people_see_it_in_build_status_and_report(tmp_path: Path, webtext: Run) -> None:
    dump(tmp_path / "RS_2024-01.zst", made_early(100, 0.95, NEW_YEAR, hide_score=True))
    recipe, result = tmp_path / "recipe.toml", tmp_path / "result.json"
    recipe.write_text(RECIPE.format(folder=tmp_path))
    built = webtext(f"--result={result}", "build", str(recipe), "--until=links")
    assert built.returncode == 0, built.stdout
    root = tmp_path / "corpus"
    (warning,) = Corpus(str(root)).require("links", "2024-01").warnings
    status = webtext("status", str(root)).stdout
    assert webtext("report", str(root)).returncode == 0
    for said in (built.stdout, status):
        assert f"warning: links 2024-01: {warning}" in said
        assert "source          lines  bad lines  links  at score 1  caught young" in said
        assert "RS_2024-01.zst    100          0    100         95%          100%" in said
    page = (root / "report.html").read_text()
    assert "<h2>Warnings</h2>" in page
    assert "caught too early in 2024-01" in page
    assert "<td>RS_2024-01.zst</td><td>100</td>" in page
    assert json.loads(result.read_text())["stages"]["links"]["warnings"] == [warning]
    again = webtext("build", str(recipe), "--until=links")
    assert "Nothing to do" in again.stdout
    assert f"warning: links 2024-01: {warning}" in again.stdout


def test_warnings_are_of_the_manifest_alone(tmp_path: Path) -> None:
    source = dump(tmp_path / "RS.zst", made_early(100, 0.95, NEW_YEAR, hide_score=True))
    manifest = run(tmp_path, [{"kind": "reddit-dump", "posts": source}])
    assert warnings_of(manifest) == manifest.warnings
