"""Joining documents with links and duplicates: by id, many parts at once, no order assumed."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from quality_corpus import Build, page, prose, run

from pipeline.engine.stage import Job
from pipeline.quality import join as joins
from pipeline.quality import steps
from pipeline.quality.join import JoinUnit, look_up
from pipeline.quality.stage import CorpusStage, QualityStage
from pipeline.store import files
from pipeline.store.addresses import page_id
from pipeline.store.parts import batches_of

KARMA = pa.schema([("karma", pa.int64())])


@pytest.mark.parametrize(
    ("rows", "most", "wanted"),
    [
        ([], 10, []),
        ([4, 4, 4], 10, [[4, 4], [4]]),
        ([5, 5, 5], 10, [[5, 5], [5]]),
        ([99], 10, [[99]]),
        ([1, 99, 1, 1], 10, [[1], [99], [1, 1]]),
        ([0, 0, 11], 10, [[0, 0], [11]]),
    ],
)
def test_parts_are_joined_as_many_as_memory_bears(
    rows: list[int], most: int, wanted: list[list[int]]
) -> None:
    assert [rows[some] for some in batches_of(rows, most)] == wanted


def test_ids_are_looked_up_in_tables_of_any_size_and_order(tmp_path: Path) -> None:
    ids = [page_id(str(n)) for n in range(3_000)]
    known = {page: n for n, page in enumerate(ids) if n % 3}
    by_id = sorted(known) + [page_id(f"no document {n}") for n in range(500)]  # the end unsorted
    tables = {"a": by_id[:1_200], "b": by_id[1_200:], "empty": []}
    for name, of in tables.items():
        rows = pa.table({"id": pa.array(of, pa.string()), "karma": [known.get(i, -1) for i in of]})
        pq.write_table(rows.cast(pa.schema([("id", pa.string()), *KARMA])), tmp_path / name)
    found = look_up(pa.array(ids), [str(tmp_path / name) for name in tables], KARMA)
    assert found["karma"].to_pylist() == [known.get(i) for i in ids]


@pytest.fixture
def decided(documents: Build, tmp_path: Path) -> Job:
    """A corpus of two parts, decided on by a takedown list that names a post."""
    (tmp_path / "takedown.txt").write_text("t3_gone\n")
    takedown = {"takedown": {"path": str(tmp_path / "takedown.txt")}}
    pages = [page(f"https://a.org/{n}", prose(n), karma=n) for n in range(8)]
    pages[3]["reddit_id"] = "t3_gone"
    job = documents(pages, {"a.org/1": "a.org/2"}, takedown)
    for each in (QualityStage(), CorpusStage()):
        run(each, job)
    return job


def contents(job: Job) -> dict[str, bytes]:
    """The stage's tables; its manifest says when."""
    return {
        path.name: path.read_bytes()
        for path in Path(CorpusStage().folder(job)).iterdir()
        if path.suffix == ".parquet"
    }


def test_joined_part_by_part_the_bytes_are_the_same(
    decided: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(decided)
    counts = decided.corpus.require("corpus", decided.interval).counts
    assert counts.dropped == {"duplicate_near": 1, "takedown": 1}
    assert len(before) == 4 and counts.kept == 6
    files.remove(CorpusStage().folder(decided))
    monkeypatch.setattr(steps, "DOCUMENTS_A_UNIT", 1)
    run(CorpusStage(), decided)
    assert contents(decided) == before


def test_what_is_joined_is_not_joined_again(
    documents: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = documents([page(f"https://a.org/{n}", prose(n)) for n in range(7)])
    corpus, month = job.corpus, job.interval
    unit = JoinUnit(
        documents=tuple(corpus.paths("documents", month)),
        joined=("_work/joined-0.parquet", "_work/joined-1.parquet"),
        links=tuple(corpus.paths("links", month)),
        folder=CorpusStage().folder(job),
        key="key",
        mentions=True,
    )
    made = joins.join(unit)
    assert [part.file.rows for part in made if part.file] == [3, 4]
    monkeypatch.setattr(joins, "look_up", None)  # whoever needed it would fail
    assert joins.join(unit) == made
