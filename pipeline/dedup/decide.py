"""After the grouping: the pairs of each slice, the shingles of its documents, and the decisions.

Components are dealt out to slices of a fixed weight (`group.py`).  The shingle sets of a slice are
made from text once; then the slice is decided by itself.  A component heavier than a slice
is decided in windows: only the sets that later pairs still need stay in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from pipeline.dedup.bands import Numbers
from pipeline.dedup.batch import Batch, column, names_of, read
from pipeline.dedup.group import MEMBERS_NAME, WINDOW
from pipeline.dedup.minhash import Hashes64, shingles_of
from pipeline.dedup.normalise import normalised
from pipeline.dedup.places import numbers_of_file
from pipeline.dedup.representatives import removals
from pipeline.dedup.texts import rows_at
from pipeline.dedup.verify import jaccard
from pipeline.store import files
from pipeline.store.cuts import read_cuts, without
from pipeline.store.parquet import batches
from pipeline.store.parts import Part, PartWriter, finished_part, part_name, work_key

EDGES = pa.schema(
    [("slice", pa.int64()), ("later", pa.int64()), ("earlier", pa.int64()), ("matches", pa.int64())]
)
SETS = pa.schema([("slice", pa.int64()), ("number", pa.int64()), ("shingles", pa.large_binary())])
DECISIONS = pa.schema([("number", pa.int64()), ("kept", pa.int64()), ("similarity", pa.float64())])


@dataclass(frozen=True)
class EdgesUnit:
    """The close pairs of one file, to be written again by slice."""

    batch: Batch
    close: str

    @property
    def name(self) -> str:
        """Its scratch file."""
        return self.close.replace("close", "edges")


def write_edges(unit: EdgesUnit) -> list[Part]:
    """Writes the pairs with their slice, sorted by it."""
    batch = unit.batch
    key = work_key(batch.key, unit.name)
    done = finished_part(batch.work, unit.name, key)
    if done:
        return [done]
    table = read([files.join(batch.work, unit.close)], EDGES.names[1:])
    slices = _slices(batch, column(table, "later"))[1]
    table = table.add_column(0, "slice", pa.array(slices))
    order = [("slice", "ascending"), ("later", "ascending"), ("earlier", "ascending")]
    with PartWriter(batch.work, unit.name, EDGES, key, fingerprinted=False) as writer:
        writer.add(table.sort_by(order).cast(EDGES))
    return [writer.finish()]


def _slices(batch: Batch, numbers: Numbers) -> tuple[Numbers, Numbers]:
    """Which of the numbers belong to a component, as places among them, and to which slice."""
    order = np.argsort(numbers, kind="stable")
    ordered, slices = numbers[order], np.full(len(numbers), -1, np.int64)
    for rows in batches(files.join(batch.work, MEMBERS_NAME), ["number", "slice"]):
        members = rows["number"].to_numpy()
        start = np.searchsorted(ordered, members[0])
        stop = np.searchsorted(ordered, members[-1], "right")
        at = np.searchsorted(members, ordered[start:stop])
        ours = members[at] == ordered[start:stop]
        slices[order[start:stop][ours]] = rows["slice"].to_numpy()[at[ours]]
    members_at = np.flatnonzero(slices >= 0)
    return members_at, slices[members_at]


@dataclass(frozen=True)
class SetsUnit:
    """The documents part at `file` among all of the run."""

    batch: Batch
    file: int
    of: int

    @property
    def name(self) -> str:
        """Its scratch file."""
        return part_name(self.file, self.of, "sets")


def slice_units(before: Sequence[Part], batch: Batch) -> list[EdgesUnit | SetsUnit]:
    """One unit a file of close pairs, and one a documents part.

    Without the latter where signatures are all that is asked.
    """
    edges = [EdgesUnit(batch, name) for name in names_of(before, "close-")]
    count = len(batch.documents()) if batch.settings.verify == "text" else 0
    return [*edges, *(SetsUnit(batch, file, count) for file in range(count))]


def write_slices(unit: EdgesUnit | SetsUnit) -> list[Part]:
    """The units of this step are of two kinds."""
    return write_edges(unit) if isinstance(unit, EdgesUnit) else write_sets(unit)


def write_sets(unit: SetsUnit) -> list[Part]:
    """Makes the shingle sets of the part's documents that belong to a component."""
    batch = unit.batch
    key = work_key(batch.key, unit.name)
    done = finished_part(batch.work, unit.name, key)
    if done:
        return [done]
    path, numbers = numbers_of_file(batch, unit.file)
    rows, slices = _slices(batch, numbers)
    documents = batch.documents()[unit.file]
    spans = read_cuts([cuts] if (cuts := batch.cuts()[unit.file]) and len(rows) else [])
    texts = (
        without(row["text"], spans.get(row["id"], ()))
        for row in rows_at(documents, path, rows, ["text"])
    )
    with PartWriter(batch.work, unit.name, SETS, key, fingerprinted=False) as writer:
        own = zip(slices.tolist(), numbers[rows].tolist(), texts, strict=True)
        for part, number, text in own:
            shingles = shingles_of(normalised(text, batch.settings.folds)).astype("<u8").tobytes()
            writer.add([{"slice": part, "number": number, "shingles": shingles}])
    return [writer.finish()]


@dataclass(frozen=True)
class DecideUnit:
    """One slice of components, with the names of the files that hold its pairs and sets."""

    batch: Batch
    part: int
    of: int
    edges: tuple[str, ...]
    sets: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its scratch file."""
        return part_name(self.part, self.of, "decided")


def decide(unit: DecideUnit) -> list[Part]:
    """Writes which documents of the slice are removed, and for which."""
    batch = unit.batch
    key = work_key(batch.key, unit.name, *unit.edges)
    done = finished_part(batch.work, unit.name, key)
    if done:
        return [done]
    ours = [("slice", "=", unit.part)]
    table = read([files.join(batch.work, name) for name in unit.edges], EDGES.names, ours)
    table = table.sort_by([("later", "ascending"), ("earlier", "ascending")])
    later, earlier = column(table, "later"), column(table, "earlier")
    pairs = list(zip(later.tolist(), earlier.tolist(), strict=True))
    ask: Callable[[int, int], float]
    if batch.settings.verify == "text":
        ask = Sets(unit, later, earlier).similarity
    else:
        shares = (column(table, "matches") / batch.settings.hashes).tolist()
        ask = partial(_look_up, dict(zip(pairs, shares, strict=True)))
    found = removals(pairs, ask, batch.settings.threshold)
    with PartWriter(batch.work, unit.name, DECISIONS, key, fingerprinted=False) as writer:
        writer.add(removal._asdict() for removal in found)
    return [writer.finish()]


def _look_up(shares: dict[tuple[int, int], float], later: int, earlier: int) -> float:
    return shares[later, earlier]


class Sets:
    """The shingle sets of a slice, loaded by windows of documents in keep order.

    Asked in order of the later document, it drops the sets that no later pair needs.
    """

    def __init__(self, unit: DecideUnit, later: Numbers, earlier: Numbers) -> None:
        self._unit = unit
        self._sets: dict[int, Hashes64] = {}
        order = np.argsort(later, kind="stable")
        # The last writing of a repeated key stays: the last document that needs each one.
        self._last_use = dict(zip(earlier[order].tolist(), later[order].tolist(), strict=True))
        path = files.join(unit.batch.work, MEMBERS_NAME)
        members = read([path], ["number", "shingles"], [("slice", "=", unit.part)])
        numbers, loads = column(members, "number"), np.cumsum(column(members, "shingles"))
        starts = np.searchsorted(loads, np.arange(0, int(loads[-1]) + 1, WINDOW))
        self._windows = iter(np.unique(numbers[np.minimum(starts, len(numbers) - 1)]).tolist())
        self._stop = next(self._windows)

    def similarity(self, later: int, earlier: int) -> float:
        """The Jaccard similarity of two documents of the slice."""
        while later >= self._stop:
            self._load_window()
        return jaccard(self._sets[later], self._sets[earlier])

    def _load_window(self) -> None:
        start, self._stop = self._stop, next(self._windows, np.iinfo(np.int64).max)
        kept = self._sets.items()
        self._sets = {n: s for n, s in kept if self._last_use.get(n, -1) >= start}
        window = [("slice", "=", self._unit.part), ("number", ">=", start)]
        window.append(("number", "<", self._stop))
        paths = [files.join(self._unit.batch.work, name) for name in self._unit.sets]
        table = read(paths, ["number", "shingles"], window)
        for number, shingles in zip(
            column(table, "number").tolist(), table["shingles"].to_pylist(), strict=True
        ):
            self._sets[number] = np.frombuffer(shingles, "<u8").astype(np.uint64)
