"""Third and fourth steps: candidate pairs by band, then those whose signatures agree enough.

The third works on slices of one band (a range of its keys), the fourth on ranges of
documents; both sizes are fixed, so memory stays flat as the corpus grows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.dedup.bands import Numbers, band_keys, bucket_pairs
from pipeline.dedup.batch import (
    Batch,
    Index,
    band_column,
    column,
    fixed_bytes,
    names_of,
    read,
    rows_of,
)
from pipeline.dedup.minhash import Hashes64
from pipeline.dedup.verify import may_be_similar
from pipeline.store import files
from pipeline.store.parquet import open_table
from pipeline.store.parts import Part, PartWriter, finished_part, part_name, work_key

#: Documents whose keys one unit sorts: 10^7 take 400 MB.
_SLICE_ROWS = 10_000_000
#: Pairs, with repeats over bands, that one unit compares by signature.
_RANGE_PAIRS = 4_000_000
_COMPARED = 50_000  # pairs whose signatures are side by side in memory

PAIRS = pa.schema([("later", pa.int64()), ("earlier", pa.int64())])
CLOSE = pa.schema([*PAIRS, ("matches", pa.int64())])


@dataclass(frozen=True)
class BandUnit:
    """Slice `part` of `of` equal ranges of the keys of one band."""

    batch: Batch
    band: int
    part: int
    of: int

    @property
    def name(self) -> str:
        """Its scratch file."""
        return part_name(self.part, self.of, f"pairs-{self.band:02d}")


def band_units(_before: Sequence[Part], batch: Batch) -> list[BandUnit]:
    """All slices of all bands; how many follows from the number of documents."""
    total = sum(map(rows_of, batch.signatures()))
    slices = max(1, -(-total // _SLICE_ROWS))
    return [
        BandUnit(batch, band, part, slices)
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
    index = Index(batch)
    keys, numbers = _bucketed(unit, index)
    later, earlier = bucket_pairs(keys, numbers, batch.settings.leaders)
    open_ones = (later >= index.base) & index.kept[earlier]
    later, earlier = later[open_ones], earlier[open_ones]
    order = np.lexsort((earlier, later))
    with PartWriter(batch.work, unit.name, PAIRS, key, fingerprinted=False) as writer:
        writer.add(pa.table([later[order], earlier[order]], schema=PAIRS))
    return [writer.finish()]


def _bucketed(unit: BandUnit, index: Index) -> tuple[Hashes64, Numbers]:
    """Keys and numbers of the slice's documents, without exact copies."""
    keys, numbers = [], []
    width = 4 * unit.batch.settings.rows
    name = band_column(unit.band)
    for path, these in index.by_file():
        band = fixed_bytes(read([path], [name])[name], width)
        found = band_keys(band.view("<u4"))
        ours = (found >> np.uint64(32)) * np.uint64(unit.of) >> np.uint64(32) == unit.part
        ours &= these >= 0
        ours[ours] = index.unique[these[ours]]
        keys.append(found[ours])
        numbers.append(these[ours])
    return np.concatenate(keys), np.concatenate(numbers)


@dataclass(frozen=True)
class CompareUnit:
    """The candidate pairs whose later document is from `start` to `stop` - 1."""

    batch: Batch
    part: int
    of: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """Its scratch file."""
        return part_name(self.part, self.of, "close")


def compare_units(before: Sequence[Part], batch: Batch) -> list[CompareUnit]:
    """Ranges of documents with some `_RANGE_PAIRS` pairs each, judged by the first band."""
    names = names_of(before, "pairs-00-")
    total = sum(
        part.file.rows for part in before if part.file and part.file.name.startswith("pairs-")
    )
    ranges = max(1, -(-total // _RANGE_PAIRS))
    first = [files.join(batch.work, name) for name in names]
    later = np.sort(column(read(first, ["later"]), "later"))
    bounds = [later[len(later) * i // ranges] for i in range(1, ranges)] if len(later) else []
    cuts = [0, *sorted(set(map(int, bounds)) - {0}), np.iinfo(np.int64).max]
    return [
        CompareUnit(batch, part, len(cuts) - 1, cuts[part], cuts[part + 1])
        for part in range(len(cuts) - 1)
    ]


def compare(unit: CompareUnit) -> list[Part]:
    """Writes the pairs of the range that may be similar, each once, with their equal places."""
    batch, settings = unit.batch, unit.batch.settings
    key = work_key(batch.key, unit.name, unit.start, unit.stop)
    done = finished_part(batch.work, unit.name, key)
    if done:
        return [done]
    later, earlier = _distinct_pairs(unit)
    needed = np.union1d(later, earlier)
    signatures, shingles = _signatures(batch, needed)
    one, other = np.searchsorted(needed, later), np.searchsorted(needed, earlier)
    matches = np.concatenate(
        [np.empty(0, np.int64)]
        + [
            (signatures[one[i : i + _COMPARED]] == signatures[other[i : i + _COMPARED]]).sum(axis=1)
            for i in range(0, len(one), _COMPARED)
        ]
    )
    sizes = shingles[one], shingles[other]
    close = may_be_similar(matches, sizes, settings.threshold, settings.hashes)
    with PartWriter(batch.work, unit.name, CLOSE, key, fingerprinted=False) as writer:
        writer.extra = {"candidates": len(later), "compared": int(close.sum())}
        columns = [later[close], earlier[close], matches[close]]
        writer.add(pa.table(columns, schema=CLOSE))
    return [writer.finish()]


def _distinct_pairs(unit: CompareUnit) -> tuple[Numbers, Numbers]:
    """The pairs of the range from all bands, sorted, each once."""
    window = [("later", ">=", unit.start), ("later", "<", unit.stop)]
    names = [band.name for band in band_units([], unit.batch)]
    paths = [files.join(unit.batch.work, name) for name in names]
    table = read(paths, ["later", "earlier"], window)
    later, earlier = column(table, "later"), column(table, "earlier")
    order = np.lexsort((earlier, later))
    later, earlier = later[order], earlier[order]
    new = np.ones(len(later), bool)
    new[1:] = (later[1:] != later[:-1]) | (earlier[1:] != earlier[:-1])
    return later[new], earlier[new]


def _signatures(batch: Batch, needed: Numbers) -> tuple[npt.NDArray[np.uint16], Numbers]:
    """Signatures and numbers of shingles of some documents, given by sorted numbers.

    Of each hash 16 bits are kept: different ones seem equal once in 65,536 times,
    which can only let a pair through to verification.
    """
    settings = batch.settings
    signatures = np.zeros((len(needed), settings.hashes), np.uint16)
    shingles = np.zeros(len(needed), np.int64)
    names = [band_column(band) for band in range(settings.bands)]
    if not len(needed):
        return signatures, shingles
    for path, numbers in Index(batch).by_file():
        start = 0
        for rows in _row_groups(path, ["shingles", *names]):
            these = numbers[start : start + rows.num_rows]
            start += rows.num_rows
            at = np.minimum(np.searchsorted(needed, these), len(needed) - 1)
            wanted = np.flatnonzero(needed[at] == these)
            if len(wanted):
                found, at = rows.take(wanted), at[wanted]
                shingles[at] = column(found, "shingles")
                bands = [fixed_bytes(found[name], 4 * settings.rows).view("<u4") for name in names]
                signatures[at] = np.hstack(bands).astype(np.uint16)
    return signatures, shingles


def _row_groups(path: str, columns: list[str]) -> Iterator[pa.Table]:
    with open_table(path) as stored:
        for group in range(stored.num_row_groups):
            yield stored.read_row_group(group, columns=columns)
