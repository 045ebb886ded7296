"""Token shards of books, straight from a file of texts: no crawl, no filters.

    python benchmarks/books.py BOOKS.ndjson.zst ROOT --kind unigram

`BOOKS.ndjson.zst` has one JSON object with `text` a line.  Writes ROOT/tokens/KIND as the tokens
stage does: a tokenizer trained on the texts, documents of sentences, one in 20 for validation.
"""

from __future__ import annotations

import argparse
import io
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import zstandard

from pipeline.store.manifest import Counts, FileEntry, Manifest
from pipeline.store.sentences import split_sentences
from pipeline.tokens.megatron import Writer, dtype_for
from pipeline.tokens.settings import TokensSettings

INTERVAL = "2024-01"
_DOCUMENT = 8000  # characters of a book that make a document, about
_VALIDATION = 20


def documents(path: Path, limit: int) -> Iterator[str]:
    """Pieces of whole paragraphs from the books, `limit` characters in all."""
    done = 0
    with path.open("rb") as packed:
        stream = zstandard.ZstdDecompressor().stream_reader(packed)
        for line in io.TextIOWrapper(stream, encoding="utf-8"):
            piece: list[str] = []
            for paragraph in re.split(r"\n\s*\n", json.loads(line)["text"]):
                piece.append(" ".join(paragraph.split()))
                if sum(map(len, piece)) >= _DOCUMENT:
                    yield " ".join(piece)
                    done += sum(map(len, piece))
                    piece = []
                    if done >= limit:
                        return


def write_shards(root: Path, texts: Iterable[str], kind: str, vocab: int) -> Path:
    """The tokenizer and shards of `texts`; returns ROOT/tokens/NAME."""
    listed = list(texts)
    settings = TokensSettings.checked({"kind": kind, "vocab_size": vocab}, "books")
    name = settings.name
    tokenizer = settings.chosen_kind().make(listed)
    home = root / "tokenizers" / name
    home.mkdir(parents=True)
    tokenizer.save(str(home / "tokenizer.json"))
    (home / "_manifest.json").write_bytes(_manifest("tokenizers", name, [], {}, "70"))
    folder = root / "tokens" / name / INTERVAL
    folder.mkdir(parents=True)
    entries: list[FileEntry] = []
    for shard, part in (
        ("validation-00000-of-00001", listed[::_VALIDATION]),
        ("train-00000-of-00001", [t for n, t in enumerate(listed) if n % _VALIDATION]),
    ):
        with Writer(str(folder / shard), dtype_for(tokenizer.get_vocab_size())) as writer:
            for text in part:
                sentences = split_sentences(text)
                ids = [e.ids for e in tokenizer.encode_batch(sentences, add_special_tokens=False)]
                ids = [sentence for sentence in ids if sentence]
                writer.add(np.concatenate(ids), np.array([len(s) for s in ids]))
        for end in ("bin", "idx"):
            size = (folder / f"{shard}.{end}").stat().st_size
            entries.append(FileEntry(name=f"{shard}.{end}", rows=len(part), bytes=size, sha256=""))
    manifest = _manifest("tokens", INTERVAL, entries, {f"tokenizers/{name}": "70"}, "b0")
    (folder / "_manifest.json").write_bytes(manifest)
    return folder.parent


def _manifest(
    stage: str, name: str, files: list[FileEntry], inputs: dict[str, str], mark: str
) -> bytes:
    return Manifest(
        stage=stage,
        interval=name,
        settings={},
        settings_hash="",
        inputs=inputs,
        code_version="1",
        runner="books",
        counts=Counts(),
        files=files,
        fingerprint=mark,
    ).to_json()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("books", type=Path)
    parser.add_argument("root", type=Path)
    parser.add_argument("--kind", default="unigram", choices=["bpe", "unigram", "wordpiece"])
    parser.add_argument("--vocab", type=int, default=8000)
    parser.add_argument("--characters", type=int, default=20_000_000)
    given = parser.parse_args()
    texts = documents(given.books, given.characters)
    print(write_shards(given.root, texts, given.kind, given.vocab))


if __name__ == "__main__":
    main()
