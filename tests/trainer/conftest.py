"""Token shards for the trainer's tests, made with the pipeline's own writer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from english import documents

from pipeline.store.addresses import page_id
from pipeline.store.manifest import Counts, FileEntry, Manifest
from pipeline.store.schemas import SCHEMAS
from pipeline.tokens.megatron import Writer, dtype_for

VOCAB = 1024
END = "<|endoftext|>"


def manifest(
    stage: str, name: str, files: list[FileEntry], inputs: dict[str, str], mark: str
) -> bytes:
    return Manifest(
        stage=stage,
        interval=name,
        settings={},
        settings_hash="",
        inputs=inputs,
        code_version="1",
        runner="test",
        counts=Counts(),
        files=files,
        fingerprint=mark,
    ).to_json()


def write_corpus(
    root: Path, texts: list[str], vocab: int = VOCAB, name: str = "gpt2", mark: str = "5e1f"
) -> Path:
    """A tokenizer and shards of `texts` below `root`; returns `ROOT/tokens/NAME`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocab,
            special_tokens=[END],
            show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )
    home = root / "tokenizers" / name
    home.mkdir(parents=True)
    tokenizer.save(str(home / "tokenizer.json"))
    (home / "_manifest.json").write_bytes(manifest("tokenizers", name, [], {}, "70"))
    folder = root / "tokens" / name / "2024-01"
    folder.mkdir(parents=True)
    end = tokenizer.token_to_id(END)
    encoded = [np.array([*e.ids, end]) for e in tokenizer.encode_batch(texts)]
    shards = {
        "validation-00000-of-00001": encoded[::12],
        "train-00000-of-00002": [d for i, d in enumerate(encoded) if i % 12 in range(1, 6)],
        "train-00001-of-00002": [d for i, d in enumerate(encoded) if i % 12 in range(6, 12)],
    }
    entries = []
    for shard, part in shards.items():
        with Writer(str(folder / shard), dtype_for(tokenizer.get_vocab_size())) as writer:
            for document in part:
                writer.add(document, np.array([len(document)]))
        for kind in ("bin", "idx"):
            path = folder / f"{shard}.{kind}"
            entries.append(
                FileEntry(name=path.name, rows=len(part), bytes=path.stat().st_size, sha256="")
            )
    entries.append(write_tables(root, folder, shards))
    inputs = {f"tokenizers/{name}": "70"}
    (folder / "_manifest.json").write_bytes(manifest("tokens", "2024-01", entries, inputs, mark))
    return folder.parent


def write_tables(root: Path, folder: Path, shards: dict[str, list[np.ndarray]]) -> FileEntry:
    """Which tokens are whose, and the corpus table with an address for each document."""
    rows, pages = [], []
    for shard, part in shards.items():
        start = 0
        for number, document in enumerate(part):
            key = f"example.org/{shard}/{number}"
            pages.append({"id": page_id(key), "url": f"https://{key}"})
            rows.append(
                {"id": page_id(key), "shard": shard, "start": start, "length": len(document)}
            )
            start += len(document)
    place = folder / "documents-00000-of-00001.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMAS["tokens"]), place)
    corpus = root / "corpus" / "2024-01"
    corpus.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(pages), corpus / "part-00000-of-00001.parquet")
    entry = FileEntry(name="part-00000-of-00001.parquet", rows=len(pages), bytes=0, sha256="")
    (corpus / "_manifest.json").write_bytes(manifest("corpus", "2024-01", [entry], {}, "c0"))
    return FileEntry(name=place.name, rows=len(rows), bytes=place.stat().st_size, sha256="")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Small matrices gain nothing from threads, which wait for each other on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards of about 200 kB of made-up English and a vocabulary of 1,024."""
    return write_corpus(tmp_path_factory.mktemp("corpus"), documents(200_000))


@pytest.fixture(scope="session")
def encoder_tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards of about 200 kB of made-up English in sentences, with ELECTRA's kind of tokenizer."""
    from benchmarks.books import write_shards

    return write_shards(tmp_path_factory.mktemp("sentences"), documents(200_000), "electra", 1000)
