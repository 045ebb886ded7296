"""Documents leave a token shard: the others keep their order, and their tokens their values."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.store import files
from pipeline.store.parquet import read_table
from pipeline.store.parts import Part, PartWriter, part_key
from pipeline.store.schemas import SCHEMAS
from pipeline.tokens.megatron import ENDINGS, Writer, parse_index, sentence_index_path
from pipeline.tokens.shards import shard_file


class ShardCut(NamedTuple):
    """The files of a shard that was written anew, and what it lost."""

    parts: list[Part]
    documents: int
    sentences: int
    tokens: int


def cut_shard(folder: str, name: str, target: str, gone: Collection[str]) -> ShardCut:
    """Writes shard `name` of `folder` without the documents `gone`, and its table, to `target`.

    Holds the shard in memory.
    """
    table_name = f"documents-{name}.parquet"
    table_path = files.join(folder, table_name)
    rows = read_table(table_path).sort_by("start")  # the order of the shard
    keep = np.array([page not in gone for page in rows["id"].to_pylist()], bool)
    prefix = files.join(folder, name)
    path = sentence_index_path(prefix)
    index = parse_index(files.read_bytes(path), path)
    data = np.frombuffer(files.read_bytes(f"{prefix}.bin"), np.uint8)[index.offset :]
    tokens, sentences = data.view(index.dtype), np.diff(index.documents)
    kept_sentences, lengths = np.repeat(keep, sentences), rows["length"].to_numpy()
    with Writer(files.join(target, name), index.dtype, header=index.offset > 0) as shard:
        shard.add_many(
            tokens[np.repeat(keep, lengths)], index.lengths[kept_sentences], sentences[keep]
        )
    kept = rows.filter(pa.array(keep))
    ends = np.cumsum(lengths[keep])
    starts = pa.array(ends - lengths[keep], pa.int64())
    kept = kept.set_column(kept.schema.get_field_index("start"), "start", starts)
    key = part_key(table_path) or ""
    with PartWriter(target, table_name, SCHEMAS["tokens"], key) as writer:
        writer.add(kept.sort_by("id"))
    written = [shard_file(target, name, ending) for ending in ENDINGS]
    return ShardCut(
        [Part(writer.finish().file), *written],
        documents=int((~keep).sum()),
        sentences=int(sentences[~keep].sum()),
        tokens=int(lengths[~keep].sum()),
    )


def shards_with(paths: Collection[str], gone: pa.Array) -> set[str]:
    """The shards that hold a document of `gone`, from their tables."""
    shards: set[str] = set()
    for path in paths:
        rows = read_table(path, ["id", "shard"])
        shards.update(rows.filter(pc.is_in(rows["id"], gone))["shard"].to_pylist())
    return shards
