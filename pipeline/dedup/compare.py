"""After the search: candidate pairs whose sketches agree enough, joined with these in two passes.

The first, over ranges of the later document, takes each pair once and gives it the sketch of that
document; the second, over ranges of the earlier document, compares.  So each unit reads the
sketches of its own range alone, whatever the number of documents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.dedup.bands import Numbers
from pipeline.dedup.batch import Batch, column, names_of, read
from pipeline.dedup.components import UnionFind
from pipeline.dedup.search import PAIRS
from pipeline.dedup.sketches import Sketches, packed, read_sketches, sketch_schema, unpacked
from pipeline.dedup.verify import may_be_similar
from pipeline.dedup.windows import row_windows
from pipeline.store import files
from pipeline.store.parquet import batches
from pipeline.store.parts import (
    Part,
    PartWriter,
    finished_part,
    finished_parts,
    part_name,
    work_key,
)

#: Pairs of one unit; of the first pass with repeats over bands.
_RANGE_PAIRS = 4_000_000
_SAMPLE = 10_000_000  # pairs by which their ranges are made, at most
_WRITTEN = 50_000  # pairs that are put side by side with their sketches at a time
_END = np.iinfo(np.int64).max

CLOSE = pa.schema([*PAIRS, ("matches", pa.int64())])
#: One row a document of a close pair; `root` is the least number of its component in the file.
FOREST = pa.schema([("number", pa.int64()), ("root", pa.int64()), ("shingles", pa.int64())])


@dataclass(frozen=True)
class PairsUnit:
    """The candidate pairs in some files of which one document is from `start` to `stop` - 1."""

    batch: Batch
    pairs: tuple[str, ...]
    sketches: tuple[str, ...]
    part: int
    of: int
    start: int
    stop: int


class CarryUnit(PairsUnit):
    """Pairs as the search leaves them, by the later document."""

    @property
    def name(self) -> str:
        """Its scratch file."""
        return part_name(self.part, self.of, "carried")


def carry_units(before: Sequence[Part], batch: Batch) -> list[CarryUnit]:
    """Ranges of the later document with some `_RANGE_PAIRS` pairs each."""
    pairs, sketches = (tuple(names_of(before, table)) for table in ("pairs-", "sketches-"))
    bounds = [0, *sorted(_cuts(before, batch, "pairs-", "later").keys() - {0}), _END]
    return [
        CarryUnit(batch, pairs, sketches, part, len(bounds) - 1, start, stop)
        for part, (start, stop) in enumerate(pairwise(bounds))
    ]


def _cuts(before: Sequence[Part], batch: Batch, table: str, by: str) -> Counter[int]:
    """Where ranges begin that have some `_RANGE_PAIRS` pairs of a table, judged by the first band.

    A document that is there several times has so many ranges of pairs by itself.
    """
    total = sum(p.file.rows for p in before if p.file and p.file.name.startswith(table))
    ranges, step = -(-total // _RANGE_PAIRS), 1 + total // _SAMPLE
    sampled = [
        rows[by].to_numpy()[::step]
        for name in names_of(before, "pairs-00-")
        for rows in batches(files.join(batch.work, name), [by])
    ]
    found = np.sort(np.concatenate([np.empty(0, np.int64), *sampled]))
    return Counter(int(found[len(found) * i // ranges]) for i in range(1, ranges) if len(found))


def carry(unit: CarryUnit) -> list[Part]:
    """Writes the pairs of the range, each once, with the sketch of the later document.

    Sorted by the earlier one, of which the next pass takes ranges.
    """
    batch = unit.batch
    key = work_key(batch.key, unit.name, unit.start, unit.stop)
    done = finished_part(batch.work, unit.name, key)
    if done:
        return [done]
    later, earlier = _distinct_pairs(unit)
    needed = np.unique(later)
    sketches, shingles = read_sketches(batch, unit.sketches, needed)
    order = np.lexsort((later, earlier))
    schema = sketch_schema(batch, "earlier", "later")
    with PartWriter(batch.work, unit.name, schema, key, fingerprinted=False) as writer:
        for start in range(0, len(order), _WRITTEN):
            some = order[start : start + _WRITTEN]
            at = np.searchsorted(needed, later[some])
            columns = [earlier[some], later[some], shingles[at], packed(sketches[at])]
            writer.add(pa.table(columns, schema=schema))
    return [writer.finish()]


def _distinct_pairs(unit: CarryUnit) -> tuple[Numbers, Numbers]:
    """The pairs of the range from all bands, each once."""
    window = [("later", ">=", unit.start), ("later", "<", unit.stop)]
    paths = [files.join(unit.batch.work, name) for name in unit.pairs]
    table = read(paths, ["later", "earlier"], window)
    later, earlier = column(table, "later"), column(table, "earlier")
    order = np.lexsort((earlier, later))
    later, earlier = later[order], earlier[order]
    new = np.ones(len(later), bool)
    new[1:] = (later[1:] != later[:-1]) | (earlier[1:] != earlier[:-1])
    return later[new], earlier[new]


class CompareUnit(PairsUnit):
    """Pairs with the sketch of the later document, by the earlier one."""

    @property
    def name(self) -> str:
        """Its scratch file."""
        return part_name(self.part, self.of, "close")

    @property
    def forest(self) -> str:
        """The scratch file of its components."""
        return part_name(self.part, self.of, "forest")


def compare_units(before: Sequence[Part], batch: Batch) -> list[CompareUnit]:
    """Ranges of the earlier document with some `_RANGE_PAIRS` pairs each.

    One that stands first in a huge bucket has more by itself: units share its files.
    """
    carried, sketches = (tuple(names_of(before, table)) for table in ("carried-", "sketches-"))
    often = _cuts(before, batch, "carried-", "earlier")
    bounds = [0, *sorted(often.keys() - {0}), _END]
    shares = [
        (carried[share :: often[start] or 1], start, stop)
        for start, stop in pairwise(bounds)
        for share in range(min(often[start] or 1, len(carried)))
    ]
    return [
        CompareUnit(batch, some, sketches, part, len(shares), start, stop)
        for part, (some, start, stop) in enumerate(shares)
    ]


def compare(unit: CompareUnit) -> list[Part]:
    """Writes the pairs of the range that may be similar, with their equal places."""
    batch = unit.batch
    key = work_key(batch.key, unit.name, unit.start, unit.stop, *unit.pairs)
    done = finished_parts(batch.work, (unit.name, unit.forest), key)
    if done is not None:
        return done
    candidates, close = 0, [_close_table([])]
    for pairs, found in _compared(unit):
        candidates += pairs
        close.append(found)
    table = pa.concat_tables(close).sort_by([("later", "ascending"), ("earlier", "ascending")])
    with PartWriter(batch.work, unit.name, CLOSE, key, fingerprinted=False) as writer:
        writer.extra = {"candidates": candidates, "compared": len(table)}
        writer.add(table.select(CLOSE.names))
    trees = PartWriter(batch.work, unit.forest, FOREST, key, fingerprinted=False)
    with trees:
        trees.add(_forest(table))
    return [writer.finish(), trees.finish()]


def _close_table(columns: Sequence[npt.NDArray[np.int64]]) -> pa.Table:
    """Close pairs, with the shingles of both documents."""
    schema = pa.schema([*CLOSE, ("shingles", pa.int64()), ("earlier_shingles", pa.int64())])
    return pa.table([*columns], schema=schema) if columns else schema.empty_table()


def _compared(unit: CompareUnit) -> Iterator[tuple[int, pa.Table]]:
    """How many pairs are compared, row group by row group, and which of them may be similar."""
    batch, settings = unit.batch, unit.batch.settings
    paths, bounds = [files.join(batch.work, name) for name in unit.pairs], (unit.start, unit.stop)
    firsts = [
        np.unique(column(rows, "earlier"))
        for path in paths
        for rows in row_windows(path, ["earlier"], *bounds)
    ]
    needed = np.unique(np.concatenate([np.empty(0, np.int64), *firsts]))
    sketches, shingles = read_sketches(batch, unit.sketches, needed)
    names = sketch_schema(batch, "earlier", "later").names
    for path in paths:
        for rows in row_windows(path, names, *bounds):
            at = np.searchsorted(needed, column(rows, "earlier"))
            matches = _matches(unpacked(rows, batch), sketches[at])
            sizes = column(rows, "shingles"), shingles[at]
            close = may_be_similar(matches, sizes, settings.threshold, settings.hashes)
            columns = [column(rows, "later"), column(rows, "earlier"), matches, *sizes]
            yield len(rows), _close_table([one[close] for one in columns])


def _matches(one: Sketches, other: Sketches) -> Numbers:
    found: Numbers = (one == other).sum(axis=1)
    return found


def _forest(close: pa.Table) -> pa.Table:
    """The documents of close pairs, each with the least of its component."""
    later, earlier = column(close, "later"), column(close, "earlier")
    numbers = np.union1d(later, earlier)
    one, other = np.searchsorted(numbers, later), np.searchsorted(numbers, earlier)
    shingles = np.empty(len(numbers), np.int64)
    shingles[one], shingles[other] = column(close, "shingles"), column(close, "earlier_shingles")
    forest = UnionFind(len(numbers))
    forest.join(one, other)
    roots = numbers[forest.labels(np.arange(len(numbers)))]
    return pa.table([numbers, roots, shingles], schema=FOREST)
