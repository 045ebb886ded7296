"""Fifth to seventh steps: components, the shingles of their documents, and the decisions.

Components are dealt out to slices of a fixed weight.  The shingle sets of a slice are
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
from pipeline.dedup.batch import Batch, Index, column, read
from pipeline.dedup.components import UnionFind, slices_of
from pipeline.dedup.minhash import Hashes64, shingles_of
from pipeline.dedup.normalise import normalised
from pipeline.dedup.representatives import removals
from pipeline.dedup.texts import rows_at
from pipeline.dedup.verify import jaccard
from pipeline.store import files
from pipeline.store.cuts import read_cuts, without
from pipeline.store.parts import Part, PartWriter, finished_part, part_name, work_key

#: Shingles of a slice or window: 64 MB as sets.
_WINDOW = 8_000_000

MEMBERS = pa.schema([("number", pa.int64()), ("slice", pa.int64()), ("shingles", pa.int64())])
EDGES = pa.schema(
    [("slice", pa.int64()), ("later", pa.int64()), ("earlier", pa.int64()), ("matches", pa.int64())]
)
SETS = pa.schema([("slice", pa.int64()), ("number", pa.int64()), ("shingles", pa.large_binary())])
DECISIONS = pa.schema([("number", pa.int64()), ("kept", pa.int64()), ("similarity", pa.float64())])

_MEMBERS = "members.parquet"


def edges_name(close: str) -> str:
    """The file of edges made from a file of close pairs."""
    return close.replace("close", "edges")


@dataclass(frozen=True)
class GroupUnit:
    """All close pairs of a run, by the names of their files."""

    batch: Batch
    close: tuple[str, ...]


def group(unit: GroupUnit) -> list[Part]:
    """Finds components, deals them out to slices, and writes the pairs again by slice."""
    batch = unit.batch
    key = work_key(batch.key, "group", *unit.close)
    names = [_MEMBERS, *map(edges_name, unit.close)]
    done = [finished_part(batch.work, name, key) for name in names]
    if all(done):
        return [part for part in done if part]
    index = Index(batch)
    forest, members = UnionFind(len(index)), np.empty(0, np.int64)
    for name in unit.close:
        later, earlier = _pairs(batch, name)
        forest.join(later, earlier)
        members = np.union1d(members, np.union1d(later, earlier))
    weights = _shingle_counts(index, members)
    slices = slices_of(forest.labels(members), weights, _WINDOW)
    written = [_write_members(batch, key, members, slices, weights)]
    for name in unit.close:
        written.append(_write_edges(batch, key, name, members, slices))
    return written


def _pairs(batch: Batch, name: str) -> tuple[Numbers, Numbers]:
    table = read([files.join(batch.work, name)], ["later", "earlier"])
    return column(table, "later"), column(table, "earlier")


def _shingle_counts(index: Index, members: Numbers) -> Numbers:
    counts = np.zeros(len(index), np.int64)
    for path, numbers in index.by_file():
        filled = numbers >= 0
        counts[numbers[filled]] = column(read([path], ["shingles"]), "shingles")[filled]
    return counts[members]


def _write_members(
    batch: Batch, key: str, members: Numbers, slices: Numbers, weights: Numbers
) -> Part:
    with PartWriter(batch.work, _MEMBERS, MEMBERS, key, fingerprinted=False) as writer:
        writer.extra = {"slices": int(slices.max(initial=-1)) + 1}
        writer.add(pa.table([members, slices, weights], schema=MEMBERS))
    return writer.finish()


def _write_edges(batch: Batch, key: str, close: str, members: Numbers, slices: Numbers) -> Part:
    table = read([files.join(batch.work, close)], ["later", "earlier", "matches"])
    later = column(table, "later")
    table = table.add_column(0, "slice", pa.array(slices[np.searchsorted(members, later)]))
    order = [("slice", "ascending"), ("later", "ascending"), ("earlier", "ascending")]
    with PartWriter(batch.work, edges_name(close), EDGES, key, fingerprinted=False) as writer:
        writer.add(table.sort_by(order).cast(EDGES))
    return writer.finish()


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


def sets_units(_before: Sequence[Part], batch: Batch) -> list[SetsUnit]:
    """One unit a documents part; none where signatures are all that is asked."""
    count = len(batch.documents()) if batch.settings.verify == "text" else 0
    return [SetsUnit(batch, file, count) for file in range(count)]


def write_sets(unit: SetsUnit) -> list[Part]:
    """Makes the shingle sets of the part's documents that belong to a component."""
    batch = unit.batch
    key = work_key(batch.key, unit.name)
    done = finished_part(batch.work, unit.name, key)
    if done:
        return [done]
    path, numbers = list(Index(batch).by_file())[unit.file]
    table = read([files.join(batch.work, _MEMBERS)], ["number", "slice"])
    members, slices = column(table, "number"), column(table, "slice")
    rows = np.flatnonzero(np.isin(numbers, members))
    documents = batch.documents()[unit.file]
    spans = read_cuts([cuts] if (cuts := batch.cuts()[unit.file]) and len(rows) else [])
    texts = (
        without(row["text"], spans.get(row["id"], ()))
        for row in rows_at(documents, path, rows, ["text"])
    )
    with PartWriter(batch.work, unit.name, SETS, key, fingerprinted=False) as writer:
        for number, text in zip(numbers[rows].tolist(), texts, strict=True):
            shingles = shingles_of(normalised(text, batch.settings.folds)).astype("<u8").tobytes()
            part = int(slices[np.searchsorted(members, number)])
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
    removed = removals(pairs, ask, batch.settings.threshold)
    with PartWriter(batch.work, unit.name, DECISIONS, key, fingerprinted=False) as writer:
        writer.add(removal._asdict() for removal in removed)
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
        path = files.join(unit.batch.work, _MEMBERS)
        members = read([path], ["number", "shingles"], [("slice", "=", unit.part)])
        numbers, loads = column(members, "number"), np.cumsum(column(members, "shingles"))
        starts = np.searchsorted(loads, np.arange(0, int(loads[-1]) + 1, _WINDOW))
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
