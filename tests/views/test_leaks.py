"""The leak check finds each planted near-duplicate across the splits, and nothing else."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.verify import jaccard
from pipeline.store.corpus import Corpus
from pipeline.store.errors import WebtextError
from pipeline.views.leaks import check_leaks, find_leaks, read_index, write_index

INTERVAL = "2024-01"
SETS = st.lists(st.sets(st.integers(0, 12), min_size=1), max_size=8)


def named(sets: list[set[int]], letter: str) -> list[tuple[str, np.ndarray]]:
    return [(f"{letter}{n}", np.array(sorted(s), np.uint64)) for n, s in enumerate(sets)]


@settings(deadline=None, max_examples=300)
@given(SETS, SETS, st.sampled_from([0.5, 0.8, 0.9, 1.0]))
def test_all_pairs_are_found_as_by_comparing_each(
    validation: list[set[int]], train: list[set[int]], threshold: float
) -> None:
    ours, others = named(validation, "v"), named(train, "t")
    with tempfile.TemporaryDirectory() as folder:
        write_index(folder, ours, threshold)
        found = list(find_leaks(read_index(folder), others, threshold))
    each = {(t, v) for t, a in others for v, b in ours if jaccard(a, b) >= threshold}
    assert sorted((leak.train, leak.validation) for leak in found) == sorted(each)


@pytest.fixture
def copy(sample_root: Path, tmp_path: Path) -> Path:
    shutil.copytree(sample_root, tmp_path / "corpus")
    return tmp_path / "corpus"


def ids(root: Path, split: str) -> list[str]:
    paths = Corpus(str(root)).paths("tokens/gpt2", INTERVAL, f"documents-{split}-")
    return [i for path in paths for i in pq.read_table(path)["id"].to_pylist()]


def change_text(root: Path, texts: dict[str, str]) -> None:
    for path in Corpus(str(root)).paths("corpus", INTERVAL):
        table = pq.read_table(path)
        rows = [row | {"text": texts.get(row["id"], row["text"])} for row in table.to_pylist()]
        pq.write_table(table.from_pylist(rows, table.schema), path)


def text_of(root: Path, page: str) -> str:
    for path in Corpus(str(root)).paths("corpus", INTERVAL):
        for row in pq.read_table(path).to_pylist():
            if row["id"] == page:
                return str(row["text"])
    raise AssertionError(page)


def test_the_sample_has_no_leak(sample_root: Path) -> None:
    checked = check_leaks(Corpus(str(sample_root)), "gpt2")
    assert checked.validation == len(ids(sample_root, "validation")) > 0
    assert checked.train == len(ids(sample_root, "train")) > 200


def test_a_planted_leak_is_named(copy: Path) -> None:
    train, validation = ids(copy, "train")[7], ids(copy, "validation")[0]
    change_text(copy, {train: text_of(copy, validation) + "\nA line that is new here."})
    with pytest.raises(WebtextError) as caught:
        check_leaks(Corpus(str(copy)), "gpt2")
    said = str(caught.value)
    assert re.search(rf"1 documents that are trained on.*{train} is 0\.\d+ similar", said)
    assert validation in said
    assert "takedown" in said
