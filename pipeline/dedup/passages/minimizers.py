"""First step of passages: the minimizers of each document, one file a documents part.

They stay with the interval, for those that come later.  Each document is one row; its
minimizers lie in 16 columns, by their highest bits, so a later step reads some ranges only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from pipeline.dedup.batch import Batch
from pipeline.dedup.minhash import Hashes64
from pipeline.dedup.passages.winnow import minimizers
from pipeline.dedup.passages.words import hash_groups
from pipeline.store import files
from pipeline.store.cuts import read_cuts, without
from pipeline.store.parquet import batches
from pipeline.store.parts import Part, PartWriter, finished_part, work_key

RANGES = 16
_BITS = 60  # a minimizer's range is what stands above them
_ROWS = 500  # documents in memory at a time
#: The first minimizer of each range but the first.
_FIRST = np.arange(1, RANGES, dtype=np.uint64) << np.uint64(_BITS)


def range_column(number: int) -> str:
    """The column of a range."""
    return f"range_{number:02d}"


#: Sorted minimizers, 8 bytes each, little-endian.
MINIMIZERS = pa.schema(
    [("id", pa.string()), *((range_column(number), pa.binary()) for number in range(RANGES))]
)


@dataclass(frozen=True)
class MinimizerUnit:
    """One documents part and the file of minimizers to make of it."""

    documents: str
    cuts: str
    folder: str
    name: str
    key: str
    words: int


def minimizer_units(_before: Sequence[Part], batch: Batch) -> list[MinimizerUnit]:
    """One unit a documents part; what passages become of it does not matter here."""
    words, names = batch.settings.passages.words, batch.minimizer_names()
    return [
        MinimizerUnit(
            documents=path,
            cuts=cuts,
            folder=batch.folder,
            name=name,
            key=work_key(batch.version, words, source.fingerprint, files.name_of(path)),
            words=words,
        )
        for (source, path, cuts), name in zip(batch.parts(), names, strict=True)
    ]


def write_minimizers(unit: MinimizerUnit) -> list[Part]:
    """Writes the minimizers of one documents part; rows stay in its order."""
    done = finished_part(unit.folder, unit.name, unit.key)
    if done is not None:
        return [done]
    cuts = read_cuts([unit.cuts] if unit.cuts else [])
    with PartWriter(unit.folder, unit.name, MINIMIZERS, unit.key, fingerprinted=False) as writer:
        for rows in batches(unit.documents, ["id", "text"], _ROWS):
            texts = [without(row["text"], cuts.get(row["id"], ())) for row in rows.to_pylist()]
            writer.add(_rows(rows["id"], texts, unit.words))
    return [writer.finish()]


def _rows(ids: pa.Array, texts: list[str], words: int) -> pa.Table:
    ranges: list[list[bytes]] = [[] for _ in range(RANGES)]
    for _, hashes, bounds in hash_groups(texts):
        for own in minimizers(hashes, bounds, words):
            for column, values in zip(ranges, _by_range(own), strict=True):
                column.append(values)
    return pa.table([ids, *(pa.array(column, pa.binary()) for column in ranges)], MINIMIZERS)


def _by_range(own: Hashes64) -> list[bytes]:
    """Sorted minimizers as bytes of each range."""
    stored = own.astype("<u8").tobytes()
    ends = [0, *(8 * np.searchsorted(own, _FIRST)).tolist(), len(stored)]
    return [stored[start:stop] for start, stop in pairwise(ends)]
