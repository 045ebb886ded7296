"""The units of the tokens stage: the tokenizer, encoded pieces, assembled shards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from pipeline import files
from pipeline.corpus import (
    MANIFEST,
    SCHEMAS,
    WORK,
    Counts,
    Manifest,
    add_fingerprints,
    read_manifest,
)
from pipeline.parts import Part, PartWriter, file_part, finished_part, id_range
from pipeline.progress import Progress
from pipeline.tokens import tokenizer as tok
from pipeline.tokens.megatron import Writer, dtype_for
from pipeline.tokens.sentences import split_sentences
from pipeline.tokens.settings import TokensSettings

TOKENIZER = "tokenizer.json"
SPLITS = ("train", "validation")
_BATCH = 200  # documents encoded at once
_PIECE = pa.schema(
    [
        ("split", pa.int8()),  # index into SPLITS
        ("order", pa.string()),
        ("id", pa.string()),
        ("tokens", pa.large_binary()),
        ("lengths", pa.list_(pa.int32())),  # tokens of each sentence
    ]
)


@dataclass(frozen=True)
class TokenizerUnit:
    """The tokenizer to train or take over, unless it is there."""

    folder: str
    corpus: tuple[str, ...]
    draft: Manifest
    settings: TokensSettings


@dataclass(frozen=True)
class EncodeUnit:
    """A part of the corpus to encode into a scratch piece."""

    path: str
    number: int
    folder: str
    key: str
    tokenizer: str
    settings: TokensSettings


@dataclass(frozen=True)
class ShardUnit:
    """A shard to assemble from its range of all pieces."""

    split: str
    number: int
    of: int
    pieces: tuple[str, ...]
    folder: str
    key: str
    vocab_size: int


def make_tokenizer(unit: TokenizerUnit) -> list[Part]:
    """Trains or takes over the tokenizer and writes its manifest; nothing if it is there."""
    found = read_manifest(unit.folder)
    if found is not None and _still_right(found, unit.draft):
        return [Part(None)]
    settings = unit.settings
    if settings.kind == "file":
        tokenizer = tok.load(settings.path, settings)
    else:
        tokenizer = tok.train(_sample(unit), settings)
    data = tokenizer.to_str(pretty=True).encode()
    files.write_bytes(files.join(unit.folder, TOKENIZER), data)
    entry = file_part(unit.folder, TOKENIZER, rows=tokenizer.get_vocab_size()).file
    assert entry is not None
    said = f"{int(hashlib.sha256(data).hexdigest(), 16):064x}"
    manifest = unit.draft.model_copy(
        update={
            "files": [entry.model_copy(update={"fingerprint": said})],
            "fingerprint": said,
            "extra": {"vocab_size": tokenizer.get_vocab_size()},
        }
    )
    files.write_bytes(files.join(unit.folder, MANIFEST), manifest.to_json())
    return [Part(None)]


def _still_right(found: Manifest, draft: Manifest) -> bool:
    """Whether the tokenizer that is there is the wanted one; a draft without inputs takes any."""
    same_inputs = not draft.inputs or found.inputs == draft.inputs
    return found.settings_hash == draft.settings_hash and same_inputs


def _sample(unit: TokenizerUnit) -> Iterator[str]:
    """Texts of the sample, in order of part and id: the same whatever made the parts."""
    total = sum(_text_bytes(path) for path in unit.corpus)
    fraction = min(1.0, unit.settings.sample_bytes / max(total, 1))
    for path in unit.corpus:
        for row in _rows(path, ["id", "text"]):
            if tok.in_sample(row["id"], fraction):
                yield row["text"]


def _text_bytes(path: str) -> int:
    with files.open_read(path) as stream:
        groups = pq.read_metadata(stream)
    column = groups.schema.to_arrow_schema().get_field_index("text")
    return sum(
        groups.row_group(i).column(column).total_uncompressed_size
        for i in range(groups.num_row_groups)
    )


def encode_part(unit: EncodeUnit) -> list[Part]:
    """Encodes one part of the corpus into a scratch piece, sorted by split and order."""
    name = f"{WORK}/piece-{unit.number:05d}.parquet"
    done = finished_part(unit.folder, name, unit.key)
    if done is not None:
        return [done]
    rows: list[dict[str, Any]] = []
    tokens = [0, 0]
    with Progress(unit.folder, f"piece-{unit.number:05d}") as progress:
        for row in _encoded(unit):
            rows.append(row)
            tokens[row["split"]] += sum(row["lengths"])
            progress.add()
    rows.sort(key=lambda row: (row["split"], row["order"]))
    with PartWriter(unit.folder, name, _PIECE, unit.key, said=False) as writer:
        writer.add(rows)
        writer.counts.keep(len(rows))
        writer.extra.update(train_tokens=tokens[0], validation_tokens=tokens[1])
        writer.extra["sentences"] = sum(len(row["lengths"]) for row in rows)
    assert writer.part is not None
    return [writer.part]


def _encoded(unit: EncodeUnit) -> Iterator[dict[str, Any]]:
    tokenizer = Tokenizer.from_str(files.read_bytes(unit.tokenizer).decode())
    end = tok.end_id(tokenizer, unit.settings)
    dtype = dtype_for(tokenizer.get_vocab_size())
    batch: list[dict[str, Any]] = []
    for row in _rows(unit.path, ["id", "text", "language"]):
        batch.append(row)
        if len(batch) == _BATCH:
            yield from _encode(batch, tokenizer, end, dtype, unit.settings)
            batch = []
    yield from _encode(batch, tokenizer, end, dtype, unit.settings)


def _encode(
    batch: list[dict[str, Any]],
    tokenizer: Tokenizer,
    end: int | None,
    dtype: np.dtype[Any],
    settings: TokensSettings,
) -> Iterator[dict[str, Any]]:
    """One row of a piece for each document; its last sentence ends with the end token."""
    split = [split_sentences(row["text"], row["language"]) for row in batch]
    flat = [sentence for sentences in split for sentence in sentences]
    encodings = iter(tokenizer.encode_batch_fast(flat, add_special_tokens=False))
    for row, sentences in zip(batch, split, strict=True):
        ids = [next(encodings).ids for _ in sentences]
        if end is not None:
            ids[-1] = [*ids[-1], end]
        kept = [sentence for sentence in ids if sentence]
        yield {
            "split": int(tok.in_validation(row["id"], settings.validation_fraction)),
            "order": tok.order_of(row["id"]),
            "id": row["id"],
            "tokens": np.concatenate([np.array(s, dtype) for s in kept]).tobytes(),
            "lengths": [len(sentence) for sentence in kept],
        }


def assemble_shard(unit: ShardUnit) -> list[Part]:
    """Writes one shard in hash order, and the table that says which tokens are whose."""
    name = f"{unit.split}-{unit.number:05d}-of-{unit.of:05d}"
    table = f"documents-{name}.parquet"
    done = finished_part(unit.folder, table, unit.key)
    if done is None:
        done = _write_shard(unit, name, table)
    return [
        _uncounted(done),
        _shard_file(unit.folder, name, ".bin"),
        _shard_file(unit.folder, name, ".idx"),
    ]


def _write_shard(unit: ShardUnit, name: str, table: str) -> Part:
    rows = _range(unit)
    dtype = dtype_for(unit.vocab_size)
    documents, start = [], 0
    with Writer(files.join(unit.folder, name), dtype) as shard:
        for row in rows:
            tokens = np.frombuffer(row["tokens"], dtype)
            shard.add(tokens, np.array(row["lengths"], np.int32))
            documents.append(
                {"id": row["id"], "shard": name, "start": start, "length": len(tokens)}
            )
            start += len(tokens)
    with PartWriter(unit.folder, table, SCHEMAS["tokens"], unit.key) as writer:
        writer.add(sorted(documents, key=lambda row: str(row["id"])))
    assert writer.part is not None
    return writer.part


def _range(unit: ShardUnit) -> list[dict[str, Any]]:
    """The documents of a shard, in order: one range of the order's hash of one split."""
    low, high = id_range(unit.number, unit.of)
    rows: list[dict[str, Any]] = []
    for piece in unit.pieces:
        fs, place = files.filesystem(files.join(unit.folder, piece))
        condition = [
            ("split", "=", SPLITS.index(unit.split)),
            ("order", ">=", low),
            ("order", "<", high),
        ]
        rows += pq.read_table(place, filesystem=fs, filters=condition).to_pylist()
    return sorted(rows, key=lambda row: str(row["order"]))


def _uncounted(part: Part) -> Part:
    """The table of a shard: its documents are counted by the pieces."""
    return Part(part.file, Counts(), {})


def _shard_file(folder: str, name: str, ending: str) -> Part:
    part = file_part(folder, name + ending)
    assert part.file is not None
    said = hashlib.blake2b(f"{part.file.name} {part.file.sha256}".encode(), digest_size=32)
    entry = part.file.model_copy(update={"fingerprint": add_fingerprints([said.hexdigest()])})
    return Part(entry)


def _rows(path: str, columns: list[str]) -> Iterator[dict[str, Any]]:
    with files.open_read(path) as stream:
        for batch in pq.ParquetFile(stream).iter_batches(_BATCH, columns=columns):
            yield from batch.to_pylist()
