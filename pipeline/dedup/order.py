"""The keep order of the batch, and which documents are copies of one before them, by ranges.

First a unit takes its range of keys from all parts (`sort.py`): its documents are numbered by
how many are before them.  Others find, by ranges of ids, the pages that an earlier interval has
as well.  Then each range of texts' hashes finds the first document of each text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dedup.bands import Numbers, is_among
from pipeline.dedup.batch import ORDER, Batch, column, fixed_bytes, names_of
from pipeline.dedup.exact import EXACT_BYTES
from pipeline.dedup.sort import PAST_PAGES, PAST_TEXTS, write_sorted
from pipeline.dedup.windows import quantiles, sorted_window, windows
from pipeline.store import files
from pipeline.store.parts import (
    Part,
    PartWriter,
    finished_part,
    finished_parts,
    id_range,
    part_name,
    work_key,
)

#: Documents of a range: some 300 MB while they are sorted.
RANGE_ROWS = 1_000_000

TEXTS = pa.schema(
    [("exact", pa.binary(EXACT_BYTES)), ("number", pa.int64()), ("place", pa.int64())]
)
#: A page that an earlier interval has, under the number `page`.
RECRAWLED = pa.schema([("place", pa.int64()), ("page", pa.int64())])
#: `first` is the number of the first equal document, or of the same page in an earlier interval.
FIRSTS = pa.schema(
    [
        ("place", pa.int64()),
        ("number", pa.int64()),
        ("first", pa.int64()),
        ("recrawled", pa.bool_()),
    ]
)
COPIES = pa.schema([("number", pa.int64())])


@dataclass(frozen=True)
class NumberUnit:
    """Documents whose key is from `low` to below `high` (None: no bound): range `part` of `of`."""

    batch: Batch
    sorted: tuple[str, ...]
    low: bytes | None
    high: bytes | None
    part: int
    of: int


@dataclass(frozen=True)
class PagesUnit:
    """Range `part` of `of` of the ids of pages, in the batch's files and in those before."""

    batch: Batch
    ids: tuple[str, ...]
    past: tuple[str, ...]
    part: int
    of: int


def number_units(before: Sequence[Part], batch: Batch) -> list[NumberUnit | PagesUnit]:
    """Ranges of keys; and of ids, where an earlier interval of this corpus may have a page."""
    names = tuple(names_of(before, "keep-"))
    cuts = quantiles(_paths(batch, names), "key", RANGE_ROWS)
    bounds = [None, *cuts, None]
    ranges = [
        NumberUnit(batch, names, bounds[part], bounds[part + 1], part, len(bounds) - 1)
        for part in range(len(bounds) - 1)
    ]
    ids, past = tuple(names_of(before, "ids-")), tuple(names_of(before, "past-pages-"))
    of = _ranges(before, "ids-", "past-pages-") if ids else 0
    return [*ranges, *(PagesUnit(batch, ids, past, part, of) for part in range(of))]


def number(unit: NumberUnit | PagesUnit) -> list[Part]:
    """The units of this step are of two kinds."""
    return find_recrawled(unit) if isinstance(unit, PagesUnit) else number_range(unit)


def number_range(unit: NumberUnit) -> list[Part]:
    """Writes a range of the keep order, and its texts sorted by hash."""
    batch = unit.batch
    names = [part_name(unit.part, unit.of, table) for table in ("order", "texts")]
    key = work_key(batch.key, *names, unit.low, unit.high)
    done = finished_parts(batch.work, names, key)
    if done is not None:
        return done
    below, tables = batch.base(), [ORDER.empty_table().append_column("key", pa.array([], "binary"))]
    for path, first in zip(_paths(batch, unit.sorted), batch.bounds()[:-1], strict=True):
        columns = ["key", "row", "id", "exact"]
        count, rows = sorted_window(path, columns, unit.low, unit.high)
        below += count
        places = pa.array(column(rows, "row") + first)
        columns = [rows["id"], places, rows["exact"], rows["key"]]
        tables.append(pa.table(columns, names=tables[0].column_names))
    rows = pa.concat_tables(tables)
    rows = rows.take(pc.sort_indices(rows["key"])).drop_columns("key")
    numbers = pa.array(np.arange(below, below + len(rows)))
    with PartWriter(batch.work, names[0], ORDER, key, fingerprinted=False) as writer:
        writer.add(rows)
    texts = rows.select(["exact", "place"]).add_column(1, "number", numbers)
    texts = texts.take(pc.sort_indices(texts, [("exact", "ascending"), ("number", "ascending")]))
    return [writer.finish(), write_sorted(batch, names[1], texts, TEXTS, key)]


def find_recrawled(unit: PagesUnit) -> list[Part]:
    """Writes which documents of the batch are pages of an earlier interval, and its number."""
    batch = unit.batch
    name = part_name(unit.part, unit.of, "recrawled")
    key = work_key(batch.key, name)
    done = finished_part(batch.work, name, key)
    if done:
        return [done]
    bounds = id_range(unit.part, unit.of)
    past = windows(_paths(batch, unit.past), PAST_PAGES, *bounds)
    # Of a page that several intervals have, the first.
    past = past.group_by("id").aggregate([("number", "min")])
    found = [RECRAWLED.empty_table()]
    for path, first in zip(_paths(batch, unit.ids), batch.bounds()[:-1], strict=True):
        rows = sorted_window(path, ["id", "row"], *bounds)[1]
        at = pc.index_in(rows["id"], value_set=past["id"].combine_chunks())
        ours = pc.is_valid(at)
        places = pa.array(column(rows.filter(ours), "row") + first)
        pages = past["number_min"].take(at.filter(ours))
        found.append(pa.table([places, pages], schema=RECRAWLED))
    rows = pa.concat_tables(found).sort_by("place")
    return [write_sorted(batch, name, rows, RECRAWLED, key)]


@dataclass(frozen=True)
class FirstsUnit:
    """Range `part` of `of` of the hashes of texts."""

    batch: Batch
    texts: tuple[str, ...]
    past: tuple[str, ...]
    recrawled: tuple[str, ...]
    part: int
    of: int


def firsts_units(before: Sequence[Part], batch: Batch) -> list[FirstsUnit]:
    """How many ranges follows from the number of texts."""
    texts, past = (tuple(names_of(before, table)) for table in ("texts-", "past-texts-"))
    recrawled, of = tuple(names_of(before, "recrawled-")), _ranges(before, "texts-", "past-texts-")
    return [FirstsUnit(batch, texts, past, recrawled, part, of) for part in range(of)]


def find_firsts(unit: FirstsUnit) -> list[Part]:
    """Writes the first document of each text of the batch, by place, and which are copies.

    A page of an earlier interval is decided as it was then, whatever it says now.
    """
    batch = unit.batch
    names = [part_name(unit.part, unit.of, table) for table in ("firsts", "copies")]
    key = work_key(batch.key, *names, *unit.texts)
    done = finished_parts(batch.work, names, key)
    if done is not None:
        return done
    cuts = [(part << 32) // unit.of for part in (unit.part, unit.part + 1)]
    bounds = [cut.to_bytes(4) if cut < 1 << 32 else None for cut in cuts]
    ours = windows(_paths(batch, unit.texts), TEXTS, *bounds)
    places, numbers = column(ours, "place"), column(ours, "number")
    is_page, known = _recrawled(unit, places)
    plain = ours.filter(pa.array(~is_page))
    past = windows(_paths(batch, unit.past), PAST_TEXTS, *bounds)
    firsts = _first_of_text(pa.concat_tables([plain.select(PAST_TEXTS.names), past]))
    known[~is_page] = firsts[: len(plain)]
    order = np.argsort(places)
    columns = [places[order], numbers[order], known[order], is_page[order]]
    copies = pa.table([np.sort(numbers[known != numbers])], schema=COPIES)
    return [
        write_sorted(batch, names[0], pa.table(columns, schema=FIRSTS), FIRSTS, key),
        write_sorted(batch, names[1], copies, COPIES, key),
    ]


def _recrawled(unit: FirstsUnit, places: Numbers) -> tuple[npt.NDArray[np.bool_], Numbers]:
    """Which places are of pages of an earlier interval, and the numbers of these (else -1)."""
    is_page, pages = np.zeros(len(places), bool), np.full(len(places), -1, np.int64)
    for path in _paths(unit.batch, unit.recrawled):
        table = sorted_window(path, RECRAWLED.names)[1]
        if len(table):
            theirs = column(table, "place")
            ours = is_among(places, theirs)
            is_page |= ours
            pages[ours] = column(table, "page")[np.searchsorted(theirs, places[ours])]
    return is_page, pages


def _first_of_text(rows: pa.Table) -> Numbers:
    """The least number with the same hash, for each row of (exact, number)."""
    numbers = column(rows, "number")
    halves = np.ascontiguousarray(fixed_bytes(rows["exact"], EXACT_BYTES)).view(">u8")
    order = np.lexsort((numbers, halves[:, 1], halves[:, 0]))
    ordered = halves[order]
    new = np.ones(len(rows), bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    starts = np.flatnonzero(new)
    firsts = np.empty(len(rows), np.int64)
    firsts[order] = np.repeat(numbers[order][starts], np.diff(np.append(starts, len(rows))))
    return firsts


def _ranges(before: Sequence[Part], *tables: str) -> int:
    """How many ranges keep each at some `RANGE_ROWS` rows of these tables."""
    entries = (part.file for part in before if part.file)
    rows = sum(entry.rows for entry in entries if entry.name.startswith(tables))
    return max(1, -(-rows // RANGE_ROWS))


def _paths(batch: Batch, names: Sequence[str]) -> list[str]:
    return [files.join(batch.work, name) for name in names]
