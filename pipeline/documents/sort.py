"""Before extraction: each fetch table in the order of the archives, cut into pieces.

Each piece is a unit of extraction, which reads its own row groups of the scratch table and no
others.  Pieces are about equal in pages and bytes together, since extraction takes time by both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.store.manifest import WORK
from pipeline.store.parquet import read_table
from pipeline.store.parts import Part, PartWriter, finished_part, part_name, work_key
from pipeline.store.schemas import SCHEMAS

#: Pieces of all fetch tables together, where they are small: so that two workers, or eight, end
#: at about the same time.  No piece has less pages than `_LEAST_PAGES`, as each is a part file.
_PIECES, _LEAST_PAGES = 16, 100

#: What the stage reads of a fetch table.
_FETCH_COLUMNS = [
    "id", "url", "outcome", "content_type", "digest", "warc_file", "warc_offset", "fetched_at",
]  # fmt: skip
FETCHED = pa.schema(
    [pa.field("piece", pa.int64()), *(SCHEMAS["fetches"].field(name) for name in _FETCH_COLUMNS)]
)


@dataclass(frozen=True)
class FetchTable:
    """Table `number` of `of`, to be cut into `pieces`."""

    fetches: str
    number: int
    of: int
    pieces: int
    folder: str
    work_key: str

    @property
    def name(self) -> str:
        """Its scratch table."""
        return f"{WORK}/{part_name(self.number, self.of, 'fetched')}"


def count_pieces(rows: Sequence[int], pages_per_unit: int) -> list[int]:
    """How many pieces each fetch table is cut into, by the rows of each: one at least."""
    each = min(pages_per_unit, max(_LEAST_PAGES, -(-sum(rows) // _PIECES)))
    return [max(1, -(-number // each)) for number in rows]


def sort(unit: FetchTable) -> list[Part]:
    """Writes the fetched pages of a table; a piece is a run of neighbours in the archives."""
    key = work_key(unit.work_key, unit.name)
    done = finished_part(unit.folder, unit.name, key)
    if done:
        return [done]
    table = read_table(unit.fetches, [*_FETCH_COLUMNS, "bytes"])
    table = table.filter(pc.equal(table["outcome"], "ok"))
    table = table.sort_by([(name, "ascending") for name in ("warc_file", "warc_offset", "id")])
    pieces = cut(pc.fill_null(table["bytes"], 0).to_numpy(), unit.pieces)
    table = table.add_column(0, "piece", pa.array(pieces)).select(FETCHED.names)
    with PartWriter(unit.folder, unit.name, FETCHED, key, fingerprinted=False) as writer:
        for start, stop in pairwise(np.searchsorted(pieces, range(unit.pieces + 1)).tolist()):
            writer.add(table.slice(start, stop - start))
    return [writer.finish()]


def cut(sizes: npt.NDArray[np.int64], pieces: int) -> npt.NDArray[np.int64]:
    """The piece of each page, by the bytes of all; each page counts as the mean as well."""
    weights = sizes + (sizes.sum() // max(len(sizes), 1) + 1)
    ends = np.cumsum(weights)
    middles = 2 * ends - weights
    found: npt.NDArray[np.int64] = middles * pieces // (2 * weights.sum() or 1)
    return found
