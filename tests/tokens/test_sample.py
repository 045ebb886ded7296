"""The tokenizer's sample: so many bytes, chosen by hash of the id."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.store.addresses import page_id
from pipeline.tokens.train import Sample

ROWS = sorted(
    ({"id": page_id(str(n)), "text": f"{n:04d} " * 200} for n in range(2000)),
    key=lambda row: row["id"],
)
SIZE = 2000 * 1000


def parts(folder: Path, count: int) -> list[str]:
    """The rows in so many parts, in order of id."""
    paths = []
    for number in range(count):
        some = ROWS[len(ROWS) * number // count : len(ROWS) * (number + 1) // count]
        path = folder / f"part-{number}-of-{count}.parquet"
        pq.write_table(pa.Table.from_pylist(some), path, use_dictionary=False)
        paths.append(str(path))
    return paths


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_it_has_the_wanted_size(tmp_path: Path, share: float) -> None:
    texts = list(Sample(parts(tmp_path, 1), int(SIZE * share)))
    assert 0.85 * share < len(texts) / len(ROWS) < 1.15 * share
    assert len(set(texts)) == len(texts)


def test_it_is_the_same_each_time_and_nearly_so_of_other_parts(tmp_path: Path) -> None:
    sample = Sample(parts(tmp_path, 1), SIZE // 5)
    once = list(sample)
    assert list(sample) == once
    assert len(set(once) ^ set(Sample(parts(tmp_path, 7), SIZE // 5))) < 0.02 * len(once)


def test_a_larger_one_has_the_smaller_one_in_it(tmp_path: Path) -> None:
    some = parts(tmp_path, 3)
    assert set(Sample(some, SIZE // 10)) < set(Sample(some, SIZE // 2))


def test_of_a_small_corpus_it_is_all_and_long_texts_come_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    long = "word " * 60_000
    pq.write_table(pa.Table.from_pylist([{"id": "0" * 32, "text": long}]), path)
    pieces = list(Sample([str(path)], 10**9))
    assert [len(piece) for piece in pieces] == [100_000, 100_000, 100_000]
    assert "".join(pieces) == long
