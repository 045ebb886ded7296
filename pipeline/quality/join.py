"""What the links say of the documents: their karma, and who mentioned them.

Links lie by id, documents by host: the ids of one part of documents are all over the links.
So a unit of work takes many parts at once, as many as memory bears, goes through the links
once for all of them, and leaves each part a scratch table of its own rows.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import methodcaller

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.store.parquet import batches, read_table
from pipeline.store.parts import Part, PartWriter, finished_parts

#: Documents of one unit: some 140 MB while they are joined (`benchmarks/corpus.py`).
DOCUMENTS_A_UNIT = 500_000

_AS_PY = methodcaller("as_py")
_KARMA = pa.schema([("karma", pa.int64())])
#: With the ids of posts and comments, for takedown lists that name such.
_MENTIONED = pa.schema([*_KARMA, ("mentions", pa.list_(pa.struct([("reddit_id", pa.string())])))])


@dataclass(frozen=True)
class JoinUnit:
    """Parts of documents, the links to find their documents in, the scratch tables to write."""

    documents: tuple[str, ...]
    #: One a part, within `folder`.
    joined: tuple[str, ...]
    links: tuple[str, ...]
    folder: str
    key: str
    #: Whether it matters who mentioned a page.
    mentions: bool


def join(unit: JoinUnit) -> list[Part]:
    """Writes the scratch tables of some parts of documents, unless they are there."""
    done = finished_parts(unit.folder, unit.joined, unit.key)
    if done is not None:
        return done
    own = [_ids_of(path) for path in unit.documents]
    ids = pa.concat_arrays(own)
    linked = _MENTIONED if unit.mentions else _KARMA
    links = look_up(ids, unit.links, linked)
    rows = pa.table([ids, *links.columns], names=["id", *linked.names])
    written, start = [], 0
    for name, its in zip(unit.joined, own, strict=True):
        with PartWriter(unit.folder, name, rows.schema, unit.key, fingerprinted=False) as writer:
            writer.add(rows.slice(start, len(its)))
        start += len(its)
        written += [writer.finish()]
    return written


def look_up(ids: pa.Array, paths: Sequence[str], schema: pa.Schema) -> pa.Table:
    """Columns of the rows that tables have of `ids`, in their order; nulls where there is none.

    The tables are read a batch at a time; what is held is the ids and the rows of them.
    """
    order = pc.sort_indices(ids)
    by_id = ids.take(order)
    rows, positions = [], [np.empty(0, np.int64)]
    for path in paths:
        for batch in batches(path, ["id", *schema.names]):
            position = _positions(by_id, batch.column("id"))
            valid = pc.is_valid(position)
            rows.append(batch.filter(valid).select(schema.names).cast(schema))
            positions.append(position.filter(valid).to_numpy())
    table = pa.Table.from_batches(rows, schema).combine_chunks()
    row = np.full(len(ids), -1)
    row[order.to_numpy()[np.concatenate(positions)]] = np.arange(len(table))
    return table.take(pa.array(row, mask=row < 0))


def _positions(by_id: pa.Array, wanted: pa.Array) -> pa.Array:
    """Where the `wanted` ids stand in the sorted `by_id`; null for those that do not.

    A hash table is made of the ids between the least and the greatest one wanted alone: of few,
    since the tables lie by id.
    """
    ends = pc.min_max(wanted).as_py()
    low = bisect_left(by_id, ends["min"], key=_AS_PY)
    high = bisect_right(by_id, ends["max"], key=_AS_PY)
    joined = pc.index_in(wanted, value_set=by_id.slice(low, high - low))
    return pc.add(joined.cast(pa.int64()), low)


def _ids_of(path: str) -> pa.Array:
    return read_table(path, ["id"])["id"].combine_chunks()
