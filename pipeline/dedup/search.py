"""After the keys: candidate pairs by band, in slices of one band, each a range of its keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.dedup.bands import bucket_pairs, is_among
from pipeline.dedup.batch import Batch
from pipeline.dedup.keys import keys_between
from pipeline.store.parts import Part, PartWriter, finished_part, part_name, work_key

#: Documents whose keys one unit sorts: 10^7 take 400 MB.
_SLICE_ROWS = 10_000_000

PAIRS = pa.schema([("later", pa.int64()), ("earlier", pa.int64())])


@dataclass(frozen=True)
class BandUnit:
    """Slice `part` of `of` equal ranges of the keys of one band, from the files `keys`."""

    batch: Batch
    keys: tuple[str, ...]
    band: int
    part: int
    of: int

    @property
    def name(self) -> str:
        """Its scratch file."""
        return part_name(self.part, self.of, f"pairs-{self.band:02d}")

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the greatest key."""
        low, high = (-(-(part << 32) // self.of) << 32 for part in (self.part, self.part + 1))
        return low, high - 1


def band_units(before: Sequence[Part], batch: Batch) -> list[BandUnit]:
    """All slices of all bands; how many follows from the number of documents."""
    keys = [part.file for part in before if part.file and part.file.name.startswith("keys-")]
    total = sum(entry.rows for entry in keys) // batch.settings.bands
    slices = max(1, -(-total // _SLICE_ROWS))
    names = tuple(sorted(entry.name for entry in keys))
    return [
        BandUnit(batch, names, band, part, slices)
        for band in range(batch.settings.bands)
        for part in range(slices)
    ]


def search_band(unit: BandUnit) -> list[Part]:
    """Writes the candidate pairs of one slice, sorted."""
    batch = unit.batch
    key = work_key(batch.key, unit.name)
    done = finished_part(batch.work, unit.name, key)
    if done:
        return [done]
    keys, numbers, gone = keys_between(batch, unit.keys, unit.band, unit.bounds)
    later, earlier = bucket_pairs(keys, numbers, batch.settings.leaders)
    open_ones = (later >= batch.base()) & ~is_among(earlier, gone)
    later, earlier = later[open_ones], earlier[open_ones]
    order = np.lexsort((earlier, later))
    with PartWriter(batch.work, unit.name, PAIRS, key, fingerprinted=False) as writer:
        if len(order):
            writer.add(pa.table([later[order], earlier[order]], schema=PAIRS))
    return [writer.finish()]
