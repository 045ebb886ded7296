"""Small corpora: each split has a document where there are two, chosen by hash alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
from quality_corpus import prose
from small_tokens import splits, tokenize

from pipeline.store.manifest import Manifest, read_manifest
from pipeline.tokens.draws import split_chance

SIX = {f"https://example.org/{number}": prose(number) for number in range(6)}
TWO = dict(list(SIX.items())[:2])


def checked_manifest(root: Path, interval: str = "2024-01") -> Manifest:
    """The manifest of an interval's shards, whose numbers of tokens are those of its tables."""
    folder = root / "tokens/gpt2" / interval
    manifest = read_manifest(str(folder))
    assert manifest is not None
    numbers = Counter[str]()
    for path in folder.glob("documents-*"):
        for row in pq.read_table(path).to_pylist():
            numbers[f"{row['shard'].split('-')[0]}_tokens"] += row["length"]
    assert {name: n for name, n in manifest.extra.items() if n and "_tokens" in name} == numbers
    return manifest


def test_each_interval_has_its_document_of_least_hash_for_validation(tmp_path: Path) -> None:
    """Whatever other intervals there are: the second is split as if it were alone."""
    for interval, texts in [("2024-01", TWO), ("2024-02", SIX)]:
        tokenize(tmp_path, texts, interval, shards=2)
        split = splits(tmp_path, interval)
        least = min(split, key=split_chance)
        assert split == {page: "validation" if page == least else "train" for page in split}
        assert len(split) == len(texts) == checked_manifest(tmp_path, interval).counts.kept


def test_one_document_is_left_to_train_on(tmp_path: Path) -> None:
    tokenize(tmp_path, SIX, validation_fraction=0.999999, shards=2)
    split = splits(tmp_path)
    greatest = max(split, key=split_chance)
    assert split == {page: "train" if page == greatest else "validation" for page in split}
    assert checked_manifest(tmp_path).warnings == []


def test_a_single_document_is_to_train_on_and_that_is_said(tmp_path: Path) -> None:
    tokenize(tmp_path, dict([*SIX.items()][:1]), validation_fraction=0.999999)
    assert [*splits(tmp_path).values()] == ["train"]
    assert checked_manifest(tmp_path).warnings == [
        "its one document is to train on, so there is no text for validation"
    ]
