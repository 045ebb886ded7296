"""Token corpora whose tokens say where they lie, for tests of the stream."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

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
