"""Small corpora: each split has a document where there are two, chosen by hash alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from quality_corpus import document, page, prose, run
from token_corpora import corpus_table

from pipeline.build.recipe import Recipe
from pipeline.store.manifest import Manifest, read_manifest
from pipeline.store.schemas import SCHEMAS
from pipeline.tokens.draws import split_chance
from pipeline.tokens.stage import TokensStage

Split = dict[str, str]
URLS = [f"https://example.org/{number}" for number in range(6)]


def texts(urls: Sequence[str]) -> pa.Table:
    rows = [document(page(url, prose(number))) | {"karma": 5} for number, url in enumerate(urls)]
    columns = SCHEMAS["corpus"].names
    rows = sorted(({name: row[name] for name in columns} for row in rows), key=lambda r: r["id"])
    return pa.Table.from_pylist(rows, schema=SCHEMAS["corpus"])


def split_of(
    root: Path, urls: Sequence[str], interval: str = "2024-01", **tokens: object
) -> tuple[Split, Manifest]:
    """The split of each document after the tokens stage of an interval with these pages."""
    corpus_table(root, "corpus", texts(urls), interval)
    sections = {
        "corpus": {"root": str(root), "interval": interval},
        "links": {"sources": [{"kind": "urls", "path": "urls.tsv"}]},
        "pages": {"source": "warc", "warc": ["pages.warc.gz"]},
        "tokens": {"vocab_size": 300} | tokens,
    }
    run(TokensStage(), Recipe.checked(sections, "test").job())
    folder = root / "tokens/gpt2" / interval
    manifest = read_manifest(str(folder))
    assert manifest is not None
    placed = [row for path in folder.glob("documents-*") for row in pq.read_table(path).to_pylist()]
    numbers = Counter[str]()
    for row in placed:
        numbers[f"{row['shard'].split('-')[0]}_tokens"] += row["length"]
    assert {name: n for name, n in manifest.extra.items() if n and "_tokens" in name} == numbers
    return {row["id"]: row["shard"].split("-")[0] for row in placed}, manifest


def test_each_interval_has_its_document_of_least_hash_for_validation(tmp_path: Path) -> None:
    """Whatever other intervals there are: the second is split as if it were alone."""
    for interval, urls in [("2024-01", URLS[:2]), ("2024-02", URLS)]:
        split, manifest = split_of(tmp_path, urls, interval, shards=2)
        least = min(split, key=split_chance)
        assert split == {page: "validation" if page == least else "train" for page in split}
        assert len(split) == len(urls) == manifest.counts.kept


def test_one_document_is_left_to_train_on(tmp_path: Path) -> None:
    split, _ = split_of(tmp_path, URLS, validation_fraction=0.999999, shards=2)
    greatest = max(split, key=split_chance)
    assert split == {page: "train" if page == greatest else "validation" for page in split}


def test_a_single_document_is_to_train_on_and_that_is_said(tmp_path: Path) -> None:
    split, manifest = split_of(tmp_path, URLS[:1], validation_fraction=0.999999)
    assert [*split.values()] == ["train"]
    assert manifest.warnings == [
        "its one document is to train on, so there is no text for validation"
    ]
