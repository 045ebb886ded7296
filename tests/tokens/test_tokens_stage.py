"""The tokens stage on a built corpus: hash order, splits, the tokenizer's life."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support import Run, sample_settings

from pipeline.store.corpus import Corpus
from pipeline.store.manifest import read_manifest
from pipeline.tokens.draws import in_validation, order_of, split_chance
from pipeline.tokens.megatron import IndexedDataset
from pipeline.views.report import write_report

INTERVAL = "2024-01"


@pytest.fixture
def copy(sample_root: Path, tmp_path: Path) -> Path:
    shutil.copytree(sample_root, tmp_path / "corpus")
    return tmp_path / "corpus"


def rows(root: Path, shard: str) -> list[dict[str, object]]:
    path = root / "tokens/gpt2" / INTERVAL / f"documents-{shard}.parquet"
    return sorted(pq.read_table(path).to_pylist(), key=lambda row: row["start"])


def shards(root: Path) -> list[str]:
    folder = root / "tokens/gpt2" / INTERVAL
    return sorted(p.stem for p in folder.glob("*.bin"))


def test_documents_are_in_hash_order_and_cover_the_shard(sample_root: Path) -> None:
    names = shards(sample_root)
    assert names == ["train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001"]
    last = ""
    for name in names[:2]:
        dataset = IndexedDataset(str(sample_root / "tokens/gpt2" / INTERVAL / name))
        found = rows(sample_root, name)
        orders = [order_of(str(row["id"])) for row in found]
        assert orders == sorted(orders)
        assert orders[0] > last
        last = orders[-1]
        starts = dataset.index.document_starts().tolist()
        assert [row["start"] for row in found] == starts[:-1]
        assert starts[-1] == len(dataset.tokens) == sum(int(str(row["length"])) for row in found)


def test_every_document_ends_with_the_end_token(sample_root: Path) -> None:
    manifest = read_manifest(str(sample_root / "tokens/gpt2" / INTERVAL))
    assert manifest is not None
    end = manifest.extra["vocab_size"] - 1
    tokens = 0
    for name in shards(sample_root):
        dataset = IndexedDataset(str(sample_root / "tokens/gpt2" / INTERVAL / name))
        for number in range(len(dataset.documents) - 1):
            document = dataset.document(number)
            assert document[-1] == end
            assert end not in document[:-1]
        tokens += len(dataset.tokens)
    assert tokens == manifest.extra["train_tokens"] + manifest.extra["validation_tokens"]


def test_no_near_duplicate_of_a_validation_document_is_trained_on(sample_root: Path) -> None:
    validation = {row["id"] for row in rows(sample_root, "validation-00000-of-00001")}
    train = {row["id"] for name in shards(sample_root)[:2] for row in rows(sample_root, name)}
    assert validation
    assert all(in_validation(str(page), 0.05) for page in validation)
    assert not validation & train
    for path in Corpus(str(sample_root)).paths("dedup", INTERVAL):
        for row in pq.read_table(path).to_pylist():
            assert row["id"] not in train | validation


def test_another_vocabulary_makes_new_tokens_only(copy: Path, webtext: Run, replay: str) -> None:
    done = webtext(
        "build", "quickstart", *sample_settings(copy, replay), "--workers=1",
        "--set=tokens.vocab_size=1000",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "corpus: up to date" in done.stdout
    assert "tokens: settings changed: vocab_size 8192 -> 1000" in done.stdout
    manifest = read_manifest(str(copy / "tokens/gpt2" / INTERVAL))
    assert manifest is not None
    assert manifest.extra["vocab_size"] == 1000
    assert webtext("verify", str(copy)).returncode == 0


def test_a_fraction_without_documents_takes_one(copy: Path, webtext: Run, replay: str) -> None:
    done = webtext(
        "build", "quickstart", *sample_settings(copy, replay), "--workers=1",
        "--set=tokens.validation_fraction=0.0000001",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert [row["id"] for row in rows(copy, "validation-00000-of-00001")] == [
        min((str(row["id"]) for name in shards(copy) for row in rows(copy, name)), key=split_chance)
    ]
    assert webtext("verify", str(copy)).returncode == 0


def test_the_report_has_the_fertility_of_each_tokenizer(copy: Path) -> None:
    page = Path(write_report(Corpus(str(copy)))).read_text()
    section = page.split("Fertility of the tokenizers")[1].split("<h2>")[0]
    assert "<td>gpt2</td><td>language</td><td>en</td>" in section
    assert "<td>gpt2</td><td>domain</td><td>www.sqlite.org</td>" in section
    tokens, size = map(float, re.findall(r'<td class="n">(\d\.\d+)</td>', section)[:2])
    assert 1 < tokens < 3
    assert 2 < size < 6
