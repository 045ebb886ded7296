"""Month by month equals all at once, in any split, order of rows and number of parts."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dedup.intervals import shingles

from pipeline.dedup.stage import DedupStage
from pipeline.dedup.verify import jaccard
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import MANIFEST, add_fingerprints, table_fingerprint

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def rows(prose: Any, new_document: Callable[..., dict[str, Any]]) -> Rows:
    """300 documents in clusters: copies, edits, edits of edits."""
    rng = random.Random(3)
    texts = prose(120, 150)
    while len(texts) < 300:
        words = rng.choice(texts).split()
        for _ in range(rng.choice([0, 1, 2, 4, 8])):
            words[rng.randrange(len(words))] = f"new{rng.random()}"
        texts.append(" ".join(words))
    karma = [rng.randint(3, 9) for _ in texts]
    return [
        new_document(f"a.org/{i}", text, karma=score)
        for i, (text, score) in enumerate(zip(texts, karma, strict=True))
    ]


def greedy(rows: Rows, threshold: float) -> dict[str, tuple[str, float]]:
    """The definition, by brute force: each document against all that are kept before it."""
    kept: list[tuple[str, Any]] = []
    removed = {}
    for row in sorted(rows, key=lambda r: (-r["karma"], -r["chars"], r["id"])):
        own = shingles(row["text"])
        found = [(jaccard(own, other), -i, key) for i, (key, other) in enumerate(kept)]
        best = max(found, default=(0.0, 0, ""))
        if best[0] >= threshold:
            removed[row["id"]] = (best[2], best[0])
        else:
            kept.append((row["id"], own))
    return removed


def test_the_result_is_the_definition(dedups: Any, rows: Rows) -> None:
    dedups.write("all", rows)
    dedups.run("all")
    found = {key: (row["kept_id"], row["similarity"]) for key, row in dedups.removed("all").items()}
    expected = greedy(rows, 0.8)
    assert len(expected) > 60
    assert found.keys() == expected.keys()
    # A copy of a removed document names the document kept for that one; all others the nearest.
    same = [key for key in found if found[key] == expected[key]]
    assert len(same) > 0.9 * len(found)
    texts = {row["id"]: shingles(row["text"]) for row in rows}
    for key, (kept, similarity) in found.items():
        assert kept not in found
        assert jaccard(texts[key], texts[kept]) == similarity >= 0.8


def test_month_by_month_equals_all_at_once(dedups: Any, rows: Rows, tmp_path: Path) -> None:
    shuffled = random.Random(5).sample(rows, len(rows))
    intervals = [f"2024-{month:02d}" for month in range(1, 5)]
    for i, interval in enumerate(intervals):
        dedups.write(interval, shuffled[i::4], parts=i + 1)
    stepwise = [dedups.run(interval) for interval in intervals]

    at_once = dedups.at_once(intervals, tmp_path / "at-once")
    assert at_once.num_rows > 60
    together = add_fingerprints(manifest.fingerprint for manifest in stepwise)
    assert table_fingerprint(at_once) == together
    assert sum(manifest.counts.seen for manifest in stepwise) == len(rows)


def test_nothing_depends_on_parts_or_their_order(dedups: Any, rows: Rows) -> None:
    found = set()
    for parts, order in ((1, rows), (7, rows[::-1])):
        dedups.write("all", order, parts)
        found.add(dedups.run("all").fingerprint)
    assert len(found) == 1


def test_a_new_interval_reads_no_old_text_without_candidates(
    dedups: Any, prose: Any, new_document: Any
) -> None:
    texts = prose(40, 200)
    dedups.write("2024-01", [new_document(f"a.org/{i}", t) for i, t in enumerate(texts[:20])])
    dedups.run("2024-01")
    for path in dedups.corpus.paths("documents", "2024-01"):
        Path(path).write_bytes(b"not to be read")
    dedups.write("2024-02", [new_document(f"b.org/{i}", t) for i, t in enumerate(texts[20:])])
    assert dedups.run("2024-02").counts.kept == 20


def test_signatures_survive_another_threshold_and_a_kill(dedups: Any, rows: Rows) -> None:
    dedups.write("all", rows)
    first = dedups.run("all", by_beam=True)
    folder = Path(DedupStage().folder(dedups.job("all")))
    signatures = {p: p.stat().st_mtime_ns for p in folder.glob("_signatures-*")}
    (folder / MANIFEST).unlink()
    assert dedups.run("all", threshold=0.9).fingerprint != first.fingerprint
    assert {p: p.stat().st_mtime_ns for p in folder.glob("_signatures-*")} == signatures
    assert dedups.run("all").fingerprint == first.fingerprint


def test_other_bands_than_before_are_refused(dedups: Any, rows: Rows) -> None:
    dedups.write("2024-01", rows[:10])
    dedups.write("2024-02", rows[10:20])
    dedups.run("2024-01")
    with pytest.raises(
        WebtextError, match=r"2024-01 of .* was deduplicated with bands = 20, not 21"
    ):
        DedupStage().transform(dedups.job("2024-02", bands=21))


def test_documents_that_changed_behind_the_signatures_are_told(
    dedups: Any, prose: Any, new_document: Any
) -> None:
    texts = prose(3, 200)
    dedups.write("2024-01", [new_document("a.org", texts[0])], parts=1)
    dedups.run("2024-01")
    dedups.write("2024-01", [new_document("other.org", texts[0])], parts=1)
    dedups.write("2024-02", [new_document("c.org", texts[0] + " and more")], parts=1)
    with pytest.raises(WebtextError, match="holds other documents than when they were signed"):
        dedups.run("2024-02")
