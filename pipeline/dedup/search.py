"""Third and fourth steps: candidate pairs by band, then those whose signatures agree enough.

The third works on slices of one band (a range of its keys), the fourth on ranges of
documents; both sizes are fixed, so memory stays flat as the corpus grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.dedup.bands import Numbers, bucket_pairs, is_among
from pipeline.dedup.batch import Batch, band_column, column, fixed_bytes, names_of, read
from pipeline.dedup.components import UnionFind
from pipeline.dedup.keys import keys_between
from pipeline.dedup.places import numbers_by_file
from pipeline.dedup.verify import may_be_similar
from pipeline.dedup.windows import row_groups
from pipeline.store import files
from pipeline.store.parquet import batches
from pipeline.store.parts import Part, PartWriter, finished_part, part_name, work_key

#: Documents whose keys one unit sorts: 10^7 take 400 MB.
_SLICE_ROWS = 10_000_000
#: Pairs, with repeats over bands, that one unit compares by signature.
_RANGE_PAIRS = 4_000_000
_SAMPLE = 10_000_000  # pairs by which these ranges are made, at most
_COMPARED = 50_000  # pairs whose signatures are side by side in memory

PAIRS = pa.schema([("later", pa.int64()), ("earlier", pa.int64())])
CLOSE = pa.schema([*PAIRS, ("matches", pa.int64())])
#: One row a document of a close pair; `root` is the least number of its component in the file.
FOREST = pa.schema([("number", pa.int64()), ("root", pa.int64()), ("shingles", pa.int64())])


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
        writer.add(pa.table([later[order], earlier[order]], schema=PAIRS))
    return [writer.finish()]


@dataclass(frozen=True)
class CompareUnit:
    """The candidate pairs in the files `pairs` whose later one is from `start` to `stop` - 1."""

    batch: Batch
    pairs: tuple[str, ...]
    part: int
    of: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """Its scratch file."""
        return part_name(self.part, self.of, "close")

    @property
    def forest(self) -> str:
        """The scratch file of its components."""
        return part_name(self.part, self.of, "forest")


def compare_units(before: Sequence[Part], batch: Batch) -> list[CompareUnit]:
    """Ranges of documents with some `_RANGE_PAIRS` pairs each, judged by the first band."""
    names, pairs = names_of(before, "pairs-00-"), tuple(names_of(before, "pairs-"))
    total = sum(
        part.file.rows for part in before if part.file and part.file.name.startswith("pairs-")
    )
    ranges = max(1, -(-total // _RANGE_PAIRS))
    step = 1 + total // _SAMPLE
    later = np.sort(
        np.concatenate(
            [
                rows["later"].to_numpy()[::step]
                for name in names
                for rows in batches(files.join(batch.work, name), ["later"])
            ]
            or [np.empty(0, np.int64)]
        )
    )
    bounds = [later[len(later) * i // ranges] for i in range(1, ranges)] if len(later) else []
    cuts = [0, *sorted(set(map(int, bounds)) - {0}), np.iinfo(np.int64).max]
    return [
        CompareUnit(batch, pairs, part, len(cuts) - 1, cuts[part], cuts[part + 1])
        for part in range(len(cuts) - 1)
    ]


def compare(unit: CompareUnit) -> list[Part]:
    """Writes the pairs of the range that may be similar, each once, with their equal places."""
    batch, settings = unit.batch, unit.batch.settings
    key = work_key(batch.key, unit.name, unit.start, unit.stop)
    done = [finished_part(batch.work, name, key) for name in (unit.name, unit.forest)]
    if all(done):
        return [part for part in done if part]
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
    trees = PartWriter(batch.work, unit.forest, FOREST, key, fingerprinted=False)
    with trees:
        trees.add(_forest(one[close], other[close], needed, shingles))
    return [writer.finish(), trees.finish()]


def _forest(one: Numbers, other: Numbers, numbers: Numbers, shingles: Numbers) -> pa.Table:
    """The documents of close pairs (rows of `numbers`), each with the least of its component."""
    forest, ours = UnionFind(len(numbers)), np.union1d(one, other)
    forest.join(one, other)
    columns = [numbers[ours], numbers[forest.labels(ours)], shingles[ours]]
    return pa.table(columns, schema=FOREST)


def _distinct_pairs(unit: CompareUnit) -> tuple[Numbers, Numbers]:
    """The pairs of the range from all bands, sorted, each once."""
    window = [("later", ">=", unit.start), ("later", "<", unit.stop)]
    paths = [files.join(unit.batch.work, name) for name in unit.pairs]
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
    for path, numbers in numbers_by_file(batch):
        at = np.minimum(np.searchsorted(needed, numbers), len(needed) - 1)
        is_needed = needed[at] == numbers
        for first, rows in row_groups(path, ["shingles", *names], is_needed):
            wanted = np.flatnonzero(is_needed[first : first + rows.num_rows])
            found, into = rows.take(wanted), at[wanted + first]
            shingles[into] = column(found, "shingles")
            bands = [fixed_bytes(found[name], 4 * settings.rows).view("<u4") for name in names]
            signatures[into] = np.hstack(bands).astype(np.uint16)
    return signatures, shingles
