"""The dedup stage on intervals on disk: what is removed, for which, and what it leaves behind."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from pipeline.store.errors import SettingError, WebtextError

Prose = Callable[[int, int], list[str]]
New = Callable[..., dict[str, Any]]


def edited(text: str, every: int) -> str:
    """The text with each `every`-th word replaced."""
    words = text.split()
    words[::every] = [f"{word}x" for word in words[::every]]
    return " ".join(words)


def test_exact_and_near_duplicates_go_and_name_what_is_kept(
    dedups: Any, prose: Prose, new_document: New
) -> None:
    texts = prose(20, 400)
    rows = [new_document(f"a.org/{i}", text) for i, text in enumerate(texts)]
    rows.append(new_document("b.org/exact", texts[0].replace(" ", "\n  "), karma=1))
    rows.append(new_document("b.org/shouted", texts[0].upper(), karma=2))
    rows.append(new_document("b.org/near", edited(texts[1], 100), karma=50))
    rows.append(new_document("b.org/far", edited(texts[2], 8), karma=50))
    dedups.write("2024-01", rows)
    manifest = dedups.run("2024-01", by_beam=True)
    removed = dedups.removed("2024-01")
    assert manifest.counts.model_dump(by_alias=True) == {
        "in": 24,
        "kept": 21,
        "dropped": {"exact": 1, "near": 2},
    }
    exact = removed.pop(rows[20]["id"])
    assert (exact["kept_id"], exact["similarity"], exact["kind"]) == (rows[0]["id"], 1.0, "exact")
    shouted = removed.pop(rows[21]["id"])
    assert (shouted["kept_id"], shouted["similarity"]) == (rows[0]["id"], 1.0)
    assert shouted["kind"] == "near"
    near = removed.pop(rows[1]["id"])  # less karma than its edited copy
    assert (near["kept_id"], near["kind"]) == (rows[22]["id"], "near")
    assert 0.9 < near["similarity"] < 1.0
    assert not removed


def test_unique_documents_stay(dedups: Any, prose: Prose, new_document: New) -> None:
    dedups.write("all", [new_document(f"a.org/{i}", t) for i, t in enumerate(prose(500, 200))])
    manifest = dedups.run("all")
    assert (manifest.counts.kept, manifest.counts.dropped) == (500, {})
    assert dedups.removed("all") == {}


@pytest.mark.parametrize("count", [0, 1])
def test_hardly_any_documents(count: int, dedups: Any, prose: Prose, new_document: New) -> None:
    dedups.write("all", [new_document("a.org", t) for t in prose(count, 50)], parts=1)
    assert dedups.run("all", by_beam=True).counts.kept == count


def test_short_documents_are_compared(dedups: Any, new_document: New) -> None:
    texts = ["Hello world", "hello, WORLD!", "hello", "hello there world", "", "…"]
    dedups.write("all", [new_document(f"a.org/{i}", text) for i, text in enumerate(texts)])
    assert dedups.run("all").counts.dropped == {"near": 1}


def test_a_chain_of_neighbours_unites_no_strangers(
    dedups: Any, prose: Prose, new_document: New
) -> None:
    words = prose(1, 1060)[0].split()
    # a and b, b and c share nine tenths of their words; a and c far less than the threshold.
    a, b, c = (" ".join(words[start : start + 1000]) for start in (0, 60, 60))
    c = " ".join([*words[120:1060], *prose(1, 61)[0].split()[:60]])
    rows = [
        new_document("a.org", a, karma=9),
        new_document("b.org", b, karma=5),
        new_document("c.org", c, karma=3),
    ]
    dedups.write("all", rows)
    dedups.run("all", threshold=0.85)
    assert {row["kept_id"] for row in dedups.removed("all").values()} == {rows[0]["id"]}
    assert set(dedups.removed("all")) == {rows[1]["id"]}


def test_keep_policy(dedups: Any, prose: Prose, new_document: New) -> None:
    text = prose(1, 300)[0]
    rows = [
        new_document("a.org", text + " more", karma=3, date="2021-01-01"),
        new_document("b.org", text, karma=9, date="2020-01-01"),
        new_document("c.org", text + " s", karma=3, date=""),
    ]
    dedups.write("all", rows)
    kept = {}
    for keep in (("karma",), ("longest",), ("shortest",), ("earliest",), ("latest",)):
        dedups.run("all", keep=keep)
        gone = dedups.removed("all")
        kept[keep[0]] = [row["url"][8:] for row in rows if row["id"] not in gone]
    assert kept == {
        "karma": ["b.org"],
        "longest": ["a.org"],
        "shortest": ["b.org"],
        "earliest": ["b.org"],
        "latest": ["a.org"],
    }


def test_copies_of_a_removed_document_point_to_the_one_that_is_kept(
    dedups: Any, prose: Prose, new_document: New
) -> None:
    text = prose(1, 400)[0]
    rows = [
        new_document("kept.org", edited(text, 200), karma=9),
        new_document("near.org", text, karma=5),
        new_document("copy.org", text, karma=1),
    ]
    dedups.write("2024-01", rows)
    dedups.write("2024-02", [new_document("later.org", text, karma=99)])
    dedups.run("2024-01")
    dedups.run("2024-02")
    removed = {**dedups.removed("2024-01"), **dedups.removed("2024-02")}
    assert len(removed) == 3
    assert {row["kept_id"] for row in removed.values()} == {rows[0]["id"]}
    assert {row["kind"] for row in removed.values()} == {"near"}
    assert len({row["similarity"] for row in removed.values()}) == 1


def test_what_another_corpus_has_is_removed(
    dedups: Any, prose: Prose, new_document: New, tmp_path: Path
) -> None:
    texts = prose(6, 300)
    other = type(dedups)(tmp_path / "other")
    theirs = [new_document(f"a.org/{i}", text) for i, text in enumerate(texts[:3])]
    theirs.append(new_document("b.org/copy", texts[0], karma=1))
    other.write("2020", theirs)
    other.run("2020")
    # The same page once more, an edited one, a copy of what they removed, and new ones.
    ours = [theirs[0], new_document("b.org/near", edited(texts[1], 100)), theirs[3]]
    ours += [new_document(f"c.org/{i}", text) for i, text in enumerate(texts[3:])]
    dedups.write("2024", ours)
    dedups.run("2024", against=[other.corpus.root])
    removed = dedups.removed("2024")
    root = other.corpus.root
    assert {key: row["elsewhere"] for key, row in removed.items()} == {
        theirs[0]["id"]: f"{root} {theirs[0]['id']}",
        ours[1]["id"]: f"{root} {theirs[1]['id']}",
        theirs[3]["id"]: f"{root} {theirs[0]['id']}",
    }
    assert {row["kept_id"] for row in removed.values()} == {None}
    with pytest.raises(SettingError, match="holds no deduplicated corpus"):
        dedups.run("2024", against=[str(tmp_path)])


def test_large_clusters_are_reported_or_stop_the_stage(
    dedups: Any, prose: Prose, new_document: New
) -> None:
    text = prose(1, 300)[0]
    rows = [new_document(f"a.org/{i}", f"{text} {'x' * i}", karma=99 - i) for i in range(8)]
    dedups.write("all", rows)
    with pytest.raises(WebtextError, match="more than 5 others each; .* for 7, such as"):
        dedups.run("all", large_cluster=5, on_large_cluster="stop")
    assert dedups.corpus.manifest("dedup", "all") is None
    assert dedups.run("all", large_cluster=5).extra["large_clusters"] == 1
    (path,) = dedups.corpus.paths("dedup", "all", "clusters-")
    (cluster,) = pq.read_table(path).to_pylist()
    assert (cluster["kept_id"], cluster["size"]) == (rows[0]["id"], 7)
    assert set(cluster["examples"]) == {row["id"] for row in rows[1:]}
    assert dedups.run("all").extra["large_clusters"] == 0


def test_what_an_evaluation_file_has_is_removed(
    dedups: Any, prose: Prose, new_document: New, tmp_path: Path
) -> None:
    texts = prose(6, 300)
    held = tmp_path / "held.jsonl"
    rows = [{"text": text, "n": 1} for text in (texts[0], texts[0], edited(texts[1], 100), "yes")]
    held.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    packed = tmp_path / "lines.txt.gz"
    packed.write_bytes(gzip.compress(texts[2].encode()))
    ours = [new_document(f"a.org/{i}", text) for i, text in enumerate([*texts, "yes"])]
    dedups.write("2024-01", ours)
    against = [str(held), str(packed)]
    manifest = dedups.run("2024-01", by_beam=True, against=against)
    removed = dedups.removed("2024-01")
    assert {row["kind"] for row in removed.values()} == {"exact", "near"}
    assert {row["kept_id"] for row in removed.values()} == {None}
    found = {key: row["elsewhere"] for key, row in removed.items()}
    assert found.pop(ours[0]["id"]) in ("held.jsonl#1", "held.jsonl#2")
    assert found == {ours[1]["id"]: "held.jsonl#3", ours[2]["id"]: "lines.txt.gz#1"}
    assert manifest.counts.dropped == {"exact": 2, "near": 1}
    # The next interval is held against the same sets, and against the first interval.
    dedups.write("2024-02", [new_document("b.org", texts[1]), new_document("c.org", texts[3])])
    assert dedups.run("2024-02", against=against).counts.dropped == {"exact": 1, "near": 1}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "does not exist"),
        ("one two three\n", "holds no text of 5 words or more"),
        ('{"cut', "held.jsonl: JSONDecodeError"),
    ],
)
def test_a_bad_evaluation_file_is_named(
    content: str | None, said: str, dedups: Any, new_document: New, tmp_path: Path
) -> None:
    path = tmp_path / "held.jsonl"
    if content is not None:
        path.write_text(f'{{"text": "{content.strip()}"}}' if "one" in content else content)
    dedups.write("2024-01", [new_document("a.org", "a text of some words here")])
    with pytest.raises(SettingError, match=said):
        dedups.run("2024-01", against=[str(path)])
    assert dedups.corpus.manifest("dedup", "2024-01") is None
