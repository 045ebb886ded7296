"""Token shards for the trainer's tests, made with the pipeline's own writer."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.corpus import Counts, FileEntry, Manifest
from pipeline.tokens.megatron import Writer, dtype_for

VOCAB = 1024
END = "<|endoftext|>"


def bundled_texts() -> list[str]:
    """The project's own documentation: some English that is always there."""
    root = Path(__file__).resolve().parents[2]
    return [
        path.read_text(encoding="utf-8")
        for path in sorted(root.glob("**/*.md"))
        if not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]


def book_texts(limit: int) -> list[str]:
    """Chapters of public-domain books, `limit` characters in all, or the bundled texts."""
    books = Path(__file__).resolve().parents[3] / "shared" / "data" / "books.ndjson.zst"
    if not books.is_file():
        return bundled_texts()
    import zstandard

    texts: list[str] = []
    with open(books, "rb") as packed:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(packed), "utf-8")
        for line in lines:
            text = json.loads(line)["text"][2000:42000]
            texts += [text[i : i + 4000] for i in range(0, len(text), 4000)]
            if sum(map(len, texts)) > limit:
                break
    return texts


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
    (home / "MANIFEST.json").write_bytes(manifest("tokenizers", name, [], {}, "70"))
    folder = root / "tokens" / name / "2024-01"
    folder.mkdir(parents=True)
    end = tokenizer.token_to_id(END)
    documents = [np.array([*e.ids, end]) for e in tokenizer.encode_batch(texts)]
    shards = {
        "validation-00000-of-00001": documents[::12],
        "train-00000-of-00002": [d for i, d in enumerate(documents) if i % 12 in range(1, 6)],
        "train-00001-of-00002": [d for i, d in enumerate(documents) if i % 12 in range(6, 12)],
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
    inputs = {f"tokenizers/{name}": "70"}
    (folder / "MANIFEST.json").write_bytes(manifest("tokens", "2024-01", entries, inputs, mark))
    return folder.parent


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards of about 400 kB of English and a vocabulary of 1,024."""
    return write_corpus(tmp_path_factory.mktemp("corpus"), book_texts(400_000))
