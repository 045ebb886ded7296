"""Token corpora whose tokens say where they lie, for tests of the stream."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer, models

from pipeline.store.addresses import page_id
from pipeline.store.manifest import Counts, FileEntry, Manifest
from pipeline.store.schemas import SCHEMAS
from pipeline.tokens.megatron import Writer


def numbered_corpus(
    root: Path,
    shards: Sequence[int],
    *,
    first: int = 0,
    interval: str = "2024-01",
    split: str = "train",
    document: int = 100,
    sentence: int = 10,
    tokenizer: str | None = None,
    modulo: int = 60_000,
    header: bool = False,
) -> Path:
    """Shards of so many tokens: first, first + 1, …, modulo `modulo`.  Returns ROOT/tokens/gpt2.

    Documents have `document` tokens and sentences `sentence`, but for the last of each.
    `header`: with llm.c's.
    """
    home = root / "tokenizers" / "gpt2"
    home.mkdir(parents=True, exist_ok=True)
    if tokenizer is not None or not (home / "tokenizer.json").exists():
        (home / "tokenizer.json").write_text(tokenizer or "{}")
    (home / "_manifest.json").write_bytes(_manifest("tokenizers", "gpt2", [], "70"))
    folder = root / "tokens" / "gpt2" / interval
    folder.mkdir(parents=True)
    entries, rows, said = [], [], f"{first}/{interval}/{split}/{shards}"
    for number, size in enumerate(shards):
        name = f"{split}-{number:05d}-of-{len(shards):05d}"
        with Writer(str(folder / name), np.dtype("<u2"), header=header) as writer:
            for start in range(0, size, document):
                tokens = np.arange(start, min(start + document, size)) + first
                sentences = [
                    min(sentence, len(tokens) - n) for n in range(0, len(tokens), sentence)
                ]
                writer.add(tokens % modulo, np.array(sentences))
                identity = page_id(f"{said}/{number}/{start}")
                rows.append({"id": identity, "shard": name, "start": start, "length": len(tokens)})
        first += size
        for ending in ("bin", "idx"):
            path = folder / f"{name}.{ending}"
            entries.append(FileEntry(name=path.name, rows=1, bytes=path.stat().st_size, sha256=""))
    table = "documents-00000-of-00001.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMAS["tokens"]), folder / table)
    entries.append(FileEntry(name=table, rows=len(rows), bytes=0, sha256=""))
    (folder / "_manifest.json").write_bytes(_manifest("tokens", interval, entries, page_id(said)))
    return folder.parent


def corpus_table(root: Path, stage: str, table: pa.Table, interval: str = "2024-01") -> None:
    """The only part of a finished stage."""
    folder = root / stage / interval
    folder.mkdir(parents=True)
    name = "part-00000-of-00001.parquet"
    pq.write_table(table, folder / name)
    entry = FileEntry(name=name, rows=len(table), bytes=0, sha256="")
    (folder / "_manifest.json").write_bytes(_manifest(stage, interval, [entry], "c0"))


def _manifest(stage: str, interval: str, files: list[FileEntry], fingerprint: str) -> bytes:
    return Manifest(
        stage=stage,
        interval=interval,
        settings={},
        settings_hash="",
        inputs={},
        code_version="1",
        runner="test",
        counts=Counts(),
        files=files,
        fingerprint=fingerprint,
    ).to_json()


def wordpiece(size: int) -> str:
    """A `tokenizer.json` of `size` tokens: five special ones, and words without a meaning."""
    names = ["[PAD]", "[CLS]", "[SEP]", "[MASK]", "[UNK]"]
    names += [f"w{number}" for number in range(len(names), size)]
    vocabulary = {name: number for number, name in enumerate(names)}
    return Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]")).to_str()


def sentence_corpus(
    root: Path, documents: Sequence[Sequence[np.ndarray]], tokenizer: str, split: str = "train"
) -> Path:
    """One shard of documents, each of the given sentences.  Returns ROOT/tokens/gpt2."""
    home = root / "tokenizers" / "gpt2"
    home.mkdir(parents=True)
    (home / "tokenizer.json").write_text(tokenizer)
    (home / "_manifest.json").write_bytes(_manifest("tokenizers", "gpt2", [], "70"))
    folder = root / "tokens" / "gpt2" / "2024-01"
    folder.mkdir(parents=True)
    name = f"{split}-00000-of-00001"
    with Writer(str(folder / name), np.dtype("<u2")) as writer:
        for sentences in documents:
            writer.add(np.concatenate(sentences), np.array([len(one) for one in sentences]))
    entries = [
        FileEntry(name=path.name, rows=len(documents), bytes=path.stat().st_size, sha256="")
        for path in sorted(folder.iterdir())
    ]
    (folder / "_manifest.json").write_bytes(_manifest("tokens", "2024-01", entries, "5e"))
    return folder.parent
