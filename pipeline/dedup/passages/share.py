"""Second and third steps: minimizers that several pages have, and the pages that they connect.

Only pages that are in the corpus so far take part.  A step works on some ranges of minimizers,
so memory stays flat; pages that share none are not looked at again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dedup.bands import Numbers
from pipeline.dedup.batch import Batch, column, names_of, read
from pipeline.dedup.components import UnionFind, slices_of
from pipeline.dedup.minhash import Hashes64
from pipeline.dedup.passages.minimizers import RANGES, range_column
from pipeline.dedup.places import Index
from pipeline.store import files
from pipeline.store.parquet import read_footer, read_table, rows_of
from pipeline.store.parts import Part, PartWriter, finished_part, part_name, work_key

#: Minimizers that one unit sorts: some 400 MB.
_UNIT = 10_000_000
#: Shared minimizers of a slice: some 4 million runs, 200 MB while they are decided.
_SLICE = 300_000

#: `first` is the least number among the pages that have the minimizer.
SHARED = pa.schema(
    [("place", pa.int64()), ("number", pa.int64()), ("first", pa.int64()), ("hash", pa.uint64())]
)
MEMBERS = pa.schema([("number", pa.int64()), ("slice", pa.int64())])

MEMBERS_NAME = "passage-members.parquet"


@dataclass(frozen=True)
class ShareUnit:
    """Some ranges of minimizers, of them slice `part` of `of` by the bits behind."""

    batch: Batch
    decided: tuple[str, ...]
    ranges: tuple[int, ...]
    part: int
    of: int

    @property
    def name(self) -> str:
        """Its scratch file."""
        return part_name(self.part, self.of, f"shared-{self.ranges[0]:02d}")


def share_units(before: Sequence[Part], batch: Batch) -> list[ShareUnit]:
    """As many units as keep each below `_UNIT` minimizers; how many follows from their bytes."""
    decided = tuple(names_of(before, "decided-"))
    count = sum(_minimizer_bytes(path) for path in batch.minimizers()) // 8
    units = max(1, -(-count // _UNIT))
    groups = next(size for size in (1, 2, 4, 8, RANGES) if size >= min(units, RANGES))
    of = -(-units // groups)
    width = RANGES // groups
    return [
        ShareUnit(batch, decided, tuple(range(first, first + width)), part, of)
        for first in range(0, RANGES, width)
        for part in range(of)
    ]


def _minimizer_bytes(path: str) -> int:
    footer = read_footer(path)
    groups = (footer.row_group(number) for number in range(footer.num_row_groups))
    return sum(
        group.column(1 + number).total_uncompressed_size
        for group in groups
        for number in range(RANGES)
    )


def write_shared(unit: ShareUnit) -> list[Part]:
    """Writes which pages have the minimizers that a page of the batch has and another one."""
    batch = unit.batch
    key = work_key(batch.key, unit.name, *unit.decided)
    done = finished_part(batch.work, unit.name, key)
    if done:
        return [done]
    index = Index(batch)
    hashes, places = _minimizers(unit, index, pages_in(batch, index, unit.decided))
    numbers = index.number[places]
    order = np.lexsort((numbers, hashes))
    hashes, places, numbers = hashes[order], places[order], numbers[order]
    new = np.ones(len(hashes), bool)
    new[1:] = hashes[1:] != hashes[:-1]
    first = np.flatnonzero(new)
    sizes = np.diff(np.append(first, len(hashes)))
    leaders = np.repeat(numbers[first], sizes)
    # Pages are in keep order: the last of each group is of the batch, if any is.
    latest = np.repeat(numbers[first + sizes - 1], sizes)
    shared = (np.repeat(sizes, sizes) > 1) & (latest >= index.base)
    columns = [array[shared] for array in (places, numbers, leaders, hashes)]
    by_place = np.lexsort((columns[3], columns[0]))
    with PartWriter(batch.work, unit.name, SHARED, key, fingerprinted=False) as writer:
        writer.add(pa.table([array[by_place] for array in columns], schema=SHARED))
    return [writer.finish()]


def pages_in(batch: Batch, index: Index, decided: Sequence[str]) -> npt.NDArray[np.bool_]:
    """By number: which pages are in the corpus, for all that is decided so far."""
    live = index.kept & index.unique
    for name in decided:
        live[column(read([files.join(batch.work, name)], ["number"]), "number")] = False
    number = 0
    for earlier in batch.history:
        gone = pa.array(list(_contained(earlier.removed)), pa.string())
        for path in earlier.registers:
            rows = rows_of(path)
            if len(gone):
                ids = read_table(path, ["id"])["id"]
                live[number : number + rows] &= ~pc.is_in(ids, gone).to_numpy()
            number += rows
    return live


def _contained(removed: Sequence[str]) -> Iterator[str]:
    """The ids of pages that went whole for their passages."""
    for path in removed:
        rows = read_table(path, ["id", "kind"])
        yield from rows.filter(pc.equal(rows["kind"], "passages"))["id"].to_pylist()


def _minimizers(
    unit: ShareUnit, index: Index, live: npt.NDArray[np.bool_]
) -> tuple[Hashes64, Numbers]:
    """The unit's minimizers of pages that are in the corpus, with the places of the pages."""
    hashes, places = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    start = 0
    for path, (_, numbers) in zip(unit.batch.minimizers(), index.by_file(), strict=True):
        ours = np.flatnonzero(numbers >= 0)
        ours = ours[live[numbers[ours]]]
        for number in unit.ranges:
            stored = read_table(path, [range_column(number)])[range_column(number)].take(ours)
            values = np.frombuffer(b"".join(stored.to_pylist()), "<u8").astype(np.uint64)
            owners = np.repeat(ours, pc.binary_length(stored).to_numpy() // 8) + start
            if unit.of > 1:
                low = values << np.uint64(4) >> np.uint64(32)
                chosen = low * np.uint64(unit.of) >> np.uint64(32) == unit.part
                values, owners = values[chosen], owners[chosen]
            hashes.append(values)
            places.append(owners)
        start += len(numbers)
    return np.concatenate(hashes), np.concatenate(places)


@dataclass(frozen=True)
class ConnectUnit:
    """All shared minimizers of a run, by the names of their files."""

    batch: Batch
    shared: tuple[str, ...]


def connect(unit: ConnectUnit) -> list[Part]:
    """Writes to which slice each page belongs that shares a minimizer.

    Pages that share one are decided one after the other, so they are in one slice.
    """
    batch = unit.batch
    key = work_key(batch.key, "connect", *unit.shared)
    done = finished_part(batch.work, MEMBERS_NAME, key)
    if done:
        return [done]
    connected = UnionFind(len(Index(batch)))
    members, weights = np.empty(0, np.int64), np.empty(0, np.int64)
    for name in unit.shared:
        table = read([files.join(batch.work, name)], ["number", "first"])
        numbers = column(table, "number")
        connected.join(numbers, column(table, "first"))
        members, weights = _added(members, weights, numbers)
    slices = slices_of(connected.labels(members), weights, _SLICE)
    with PartWriter(batch.work, MEMBERS_NAME, MEMBERS, key, fingerprinted=False) as writer:
        writer.extra = {"passage_slices": int(slices.max(initial=-1)) + 1}
        writer.add(pa.table([members, slices], schema=MEMBERS))
    return [writer.finish()]


def _added(members: Numbers, weights: Numbers, numbers: Numbers) -> tuple[Numbers, Numbers]:
    """How often each number occurs, with some more."""
    more, counts = np.unique(numbers, return_counts=True)
    together = np.union1d(members, more)
    total = np.zeros(len(together), np.int64)
    total[np.searchsorted(together, members)] += weights
    total[np.searchsorted(together, more)] += counts
    return together, total
