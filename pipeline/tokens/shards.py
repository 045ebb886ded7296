"""A shard of the tokens stage, assembled from its range of all pieces."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.store import files
from pipeline.store.manifest import Counts, add_fingerprints
from pipeline.store.parquet import read_table
from pipeline.store.parts import Part, PartWriter, file_part, finished_part, id_range
from pipeline.store.schemas import SCHEMAS
from pipeline.tokens.draws import SPLITS
from pipeline.tokens.empty_split import MovedDocument
from pipeline.tokens.megatron import ENDINGS, Writer


@dataclass(frozen=True)
class ShardUnit:
    """A shard to assemble from its range of all pieces."""

    split: str
    number: int
    of: int
    pieces: tuple[str, ...]
    folder: str
    key: str
    dtype: str
    header: bool  # with llm.c's
    moved: MovedDocument | None = None


def assemble_shard(unit: ShardUnit) -> list[Part]:
    """Writes one shard in hash order, and the table that says which tokens are whose."""
    name = f"{unit.split}-{unit.number:05d}-of-{unit.of:05d}"
    table = f"documents-{name}.parquet"
    done = finished_part(unit.folder, table, unit.key)
    if done is None:
        done = _write_shard(unit, name, table)
    return [
        _counted(done, unit),
        *(shard_file(unit.folder, name, ending) for ending in ENDINGS),
    ]


def _write_shard(unit: ShardUnit, name: str, table: str) -> Part:
    rows, dtype = _range(unit), np.dtype(unit.dtype)
    sentences = pc.list_value_length(rows["lengths"]).to_numpy()
    lengths = pc.list_flatten(rows["lengths"]).to_numpy()
    sizes = pc.binary_length(rows["tokens"]).to_numpy() // dtype.itemsize
    with Writer(files.join(unit.folder, name), dtype, header=unit.header) as shard:
        shard.add_many(_joined(rows["tokens"], dtype), lengths, sentences)
    documents = pa.table(
        {
            "id": rows["id"],
            "shard": pa.array([name] * len(rows), pa.string()),
            "start": np.cumsum(sizes) - sizes,
            "length": sizes,
        },
        schema=SCHEMAS["tokens"],
    )
    with PartWriter(unit.folder, table, SCHEMAS["tokens"], unit.key) as writer:
        writer.add(documents.sort_by("id"))
    return writer.finish()


def _range(unit: ShardUnit) -> pa.Table:
    """The documents of a shard, in order: one range of the order's hash of one split."""
    low, high = id_range(unit.number, unit.of)
    condition = [_of_split(unit), ("order", ">=", low), ("order", "<", high)]
    tables = []
    for piece in unit.pieces:
        tables.append(read_table(files.join(unit.folder, piece), where=condition))
    return pa.concat_tables(tables).sort_by("order")


def _of_split(unit: ShardUnit) -> tuple[str, str, Any]:
    """What is true of the split's documents; one that moved there is alone."""
    if unit.moved is None:
        return ("split", "=", SPLITS.index(unit.split))
    return ("id", "=" if unit.moved.to == unit.split else "!=", unit.moved.id)


def _joined(column: pa.ChunkedArray, dtype: np.dtype[Any]) -> NDArray[Any]:
    """The tokens of all rows one after the other."""
    pieces = [
        np.frombuffer(chunk.buffers()[2], np.uint8)[ends[0] : ends[-1]].view(dtype)
        for chunk in column.chunks
        if len(chunk) and len(ends := _ends(chunk))
    ]
    return np.concatenate([np.empty(0, dtype), *pieces])


def _ends(chunk: pa.Array) -> NDArray[np.int64]:
    """Where the values of a large_binary array begin in its buffer, and where the last ends."""
    offsets = np.frombuffer(chunk.buffers()[1], np.int64)
    return offsets[chunk.offset : chunk.offset + len(chunk) + 1]


def _counted(part: Part, unit: ShardUnit) -> Part:
    """The table of a shard: its documents are counted by the pieces, but for one that moved."""
    moved = unit.moved if unit.moved and unit.moved.to == unit.split else None
    return Part(part.file, Counts(), moved.token_changes() if moved else {})


def shard_file(folder: str, name: str, ending: str) -> Part:
    """The report of one of a shard's files, whose fingerprint is of its name and bytes."""
    part = file_part(folder, name + ending)
    assert part.file is not None
    digest = hashlib.blake2b(f"{part.file.name} {part.file.sha256}".encode(), digest_size=32)
    entry = part.file.model_copy(update={"fingerprint": add_fingerprints([digest.hexdigest()])})
    return Part(entry)
