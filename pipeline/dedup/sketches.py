"""What two documents are compared by before their texts are: their sketches, sorted by number.

Of each hash of a signature a sketch keeps 16 bits: different ones seem equal once in 65,536 times,
which can only let a pair through to verification.  Each run of signature files (`places.py`)
leaves its sketches as a table, of which a range of numbers takes its row groups.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.dedup.bands import Numbers, is_among
from pipeline.dedup.batch import Batch, column, fixed_bytes
from pipeline.store import files
from pipeline.store.parquet import open_table
from pipeline.store.parts import Part, PartWriter

Sketches = npt.NDArray[np.uint16]
#: Rows of a row group.  A range of documents has some 1,000 in each run where there are 1,000 runs.
_GROUP = 2_000


def sketch_bytes(batch: Batch) -> int:
    """Bytes of one sketch."""
    return 2 * batch.settings.hashes


def empty_sketches(batch: Batch, rows: int) -> Sketches:
    """Room for so many sketches."""
    return np.empty((rows, batch.settings.hashes), np.uint16)


def write_sketches(
    batch: Batch, name: str, key: str, rows: tuple[Numbers, Numbers, Sketches]
) -> Part:
    """Writes the table `name` of a run: of its documents the numbers, shingles and sketches."""
    numbers, shingles, sketches = rows
    order, schema = np.argsort(numbers), sketch_schema(batch, "number")
    with PartWriter(batch.work, name, schema, key, fingerprinted=False) as writer:
        for start in range(0, len(order), _GROUP):
            some = order[start : start + _GROUP]
            columns = [numbers[some], shingles[some], packed(sketches[some])]
            writer.add(pa.table(columns, schema=schema))
    return writer.finish()


def sketch_schema(batch: Batch, *numbers: str) -> pa.Schema:
    """Columns of numbers, then the shingles and the sketch of a document."""
    fields = [pa.field(name, pa.int64()) for name in (*numbers, "shingles")]
    return pa.schema([*fields, pa.field("sketch", pa.binary(sketch_bytes(batch)))])


def packed(sketches: Sketches) -> pa.Array:
    """Sketches as a column."""
    width, rows = 2 * sketches.shape[1], len(sketches)
    buffer = pa.py_buffer(np.ascontiguousarray(sketches.astype("<u2")))
    return pa.Array.from_buffers(pa.binary(width), rows, [None, buffer])


def unpacked(table: pa.Table, batch: Batch) -> Sketches:
    """The inverse of `packed`, for the column `sketch`."""
    found: Sketches = fixed_bytes(table["sketch"], sketch_bytes(batch)).view("<u2")
    return found


def read_sketches(batch: Batch, names: Sequence[str], needed: Numbers) -> tuple[Sketches, Numbers]:
    """Sketches and numbers of shingles of some documents, given by sorted numbers.

    `names` are the tables of all runs; row groups without such a document stay unread.
    """
    sketches = empty_sketches(batch, len(needed))
    shingles = np.zeros(len(needed), np.int64)
    for name in names if len(needed) else ():
        with open_table(files.join(batch.work, name)) as stored:
            for group in range(stored.num_row_groups):
                bounds = stored.metadata.row_group(group).column(0).statistics
                first = np.searchsorted(needed, bounds.min)
                if first == np.searchsorted(needed, bounds.max, "right"):
                    continue
                rows = stored.read_row_group(group)
                numbers = column(rows, "number")
                ours = is_among(numbers, needed)
                into = np.searchsorted(needed, numbers[ours])
                shingles[into] = column(rows, "shingles")[ours]
                sketches[into] = unpacked(rows, batch)[ours]
    return sketches, shingles
