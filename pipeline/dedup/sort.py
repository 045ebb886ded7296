"""With the signatures: the documents of each part, sorted as later steps look them up.

The documents that passed are sorted by their key, which is greater the less a document is
preferred.  Of earlier intervals the pages, the texts and the places are sorted by themselves.
All are scratch tables of which a later step takes its range of each (`order.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dedup.batch import Batch, column, read
from pipeline.dedup.exact import EXACT_BYTES
from pipeline.dedup.settings import Preference
from pipeline.dedup.sign import SignUnit, sign, sign_units
from pipeline.dedup.windows import row_groups
from pipeline.store import files
from pipeline.store.parquet import rows_of
from pipeline.store.parts import Part, PartWriter, finished_parts, part_name, work_key

#: Documents of earlier intervals that one unit sorts: some 150 MB.
_PAST_ROWS = 1_000_000
_DATE_BYTES = 32
#: Row groups of a sorted table, where they have some rows each.
GROUPS = 16
LEAST_GROUP, MOST_GROUP = 500, 10_000

#: `row` counts from the start of the part.
KEPT_FIRST = pa.schema(
    [
        ("key", pa.binary()),
        ("row", pa.int64()),
        ("id", pa.string()),
        ("exact", pa.binary(EXACT_BYTES)),
    ]
)
IDS = pa.schema([("id", pa.string()), ("row", pa.int64())])
#: Pages of this corpus, texts of any, and what is known of each place.
PAST_PAGES = pa.schema([("id", pa.string()), ("number", pa.int64())])
PAST_TEXTS = pa.schema([("exact", pa.binary(EXACT_BYTES)), ("number", pa.int64())])
PAST_PLACES = pa.schema(
    [
        ("place", pa.int64()),
        ("number", pa.int64()),
        ("unique", pa.bool_()),
        ("kept", pa.bool_()),
    ]
)

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class SortUnit:
    """A documents part of the batch: its signatures are made, then sorted."""

    batch: Batch
    sign: SignUnit
    verdicts: str
    source: int  # among the batch's
    part: int
    of: int


@dataclass(frozen=True)
class PastUnit:
    """The documents of earlier intervals from number `start` to `stop` - 1."""

    batch: Batch
    part: int
    of: int
    start: int
    stop: int


def sort_units(_before: Sequence[Part], batch: Batch) -> list[SortUnit | PastUnit]:
    """One unit a documents part, and one for each `_PAST_ROWS` documents before."""
    signs = sign_units(batch)
    sources = [
        (number, verdicts)
        for number, source in enumerate(batch.sources)
        for verdicts in source.verdicts
    ]
    parts = [
        SortUnit(batch, unit, verdicts, source, part, len(signs))
        for part, (unit, (source, verdicts)) in enumerate(zip(signs, sources, strict=True))
    ]
    base = batch.base()
    of = -(-base // _PAST_ROWS)
    cuts = [base * part // of for part in range(of)] + [base]
    return [*parts, *(PastUnit(batch, i, of, cuts[i], cuts[i + 1]) for i in range(of))]


def sort(unit: SortUnit | PastUnit) -> list[Part]:
    """The units of this step are of two kinds."""
    return sort_past(unit) if isinstance(unit, PastUnit) else [*sign(unit.sign), *sort_part(unit)]


def sort_part(unit: SortUnit) -> list[Part]:
    """Writes the part's documents that passed by their key, and by id where pages may return."""
    batch = unit.batch
    name = part_name(unit.part, unit.of, "keep")
    again = part_name(unit.part, unit.of, "ids")
    names = [name, again] if batch.has_pages() else [name]
    key = work_key(batch.key, name)
    done = finished_parts(batch.work, names, key)
    if done is not None:
        return done
    rows = _passed(unit)
    by_key = rows.take(pc.sort_indices(rows["key"])).select(KEPT_FIRST.names)
    written = [write_sorted(batch, name, by_key, KEPT_FIRST, key)]
    if batch.has_pages():
        by_id = rows.select(IDS.names).sort_by("id")
        written.append(write_sorted(batch, again, by_id, IDS, key))
    return written


def write_sorted(batch: Batch, name: str, rows: pa.Table, schema: pa.Schema, key: str) -> Part:
    """Writes a sorted scratch table in row groups that stand for its quantiles."""
    size = min(max(len(rows) // GROUPS, LEAST_GROUP), MOST_GROUP)
    with PartWriter(batch.work, name, schema, key, fingerprinted=False) as writer:
        for start in range(0, len(rows), size):
            writer.add(rows.slice(start, size))
    return writer.finish()


def _passed(unit: SortUnit) -> pa.Table:
    """The documents that may be in the corpus, with key and row."""
    path = files.join(unit.sign.folder, unit.sign.name)
    signed = read([path], ["id", "exact", "chars", "date"])
    verdicts = read([unit.verdicts], ["id", "karma", "reason"])
    verdicts = verdicts.take(pc.index_in(signed["id"], value_set=verdicts["id"]))
    signed = signed.append_column("row", pa.array(np.arange(len(signed))))
    rows = signed.append_column("karma", verdicts["karma"])
    rows = rows.filter(pc.equal(verdicts["reason"], "")).combine_chunks()
    keys = keep_keys(rows, unit.batch.settings.keep, unit.source)
    return rows.append_column("key", keys)


def keep_keys(rows: pa.Table, preferences: Sequence[Preference], source: int) -> pa.Array:
    """A key for each row (chars, date, karma, id): bytes that sort as the keep order does.

    The earlier interval first, then by each preference, then by id.
    """
    columns = [_ascending(np.full(len(rows), source))]
    columns += [_preference(rows, preference) for preference in preferences]
    fixed = np.ascontiguousarray(np.hstack(columns))
    width = fixed.shape[1]
    ends = np.arange(len(rows) + 1, dtype=np.int64) * width
    prefix = pa.Array.from_buffers(
        pa.large_binary(), len(rows), [None, pa.py_buffer(ends), pa.py_buffer(fixed)]
    )
    ids = rows["id"].cast(pa.large_binary()).combine_chunks()
    empty = pa.scalar(b"", pa.large_binary())
    return pc.binary_join_element_wise(prefix, ids, empty).cast(pa.binary())


def _preference(rows: pa.Table, preference: Preference) -> Bytes:
    if preference == "karma":
        return 255 - _ascending(pc.fill_null(rows["karma"], 0).to_numpy())
    if preference in ("longest", "shortest"):
        lengths = _ascending(column(rows, "chars"))
        return 255 - lengths if preference == "longest" else lengths
    dates = np.array(pc.fill_null(rows["date"], "").to_pylist(), f"S{_DATE_BYTES}")
    days = dates.view(np.uint8).reshape(len(rows), _DATE_BYTES)
    days = 255 - days if preference == "latest" else days
    undated = (dates == b"")[:, None]
    return np.hstack([undated.astype(np.uint8), np.where(undated, 0, days).astype(np.uint8)])


def _ascending(values: npt.NDArray[np.int64]) -> Bytes:
    """Numbers as bytes that sort as they do, of shape (rows, 8)."""
    shifted = values.astype(np.int64).view(np.uint64) ^ np.uint64(1 << 63)
    return shifted.astype(">u8").view(np.uint8).reshape(len(values), 8)


def sort_past(unit: PastUnit) -> list[Part]:
    """Writes the pages of this corpus by id, all texts by hash, and all places, in their order."""
    batch = unit.batch
    tables = {"past-pages": PAST_PAGES, "past-texts": PAST_TEXTS, "past-places": PAST_PLACES}
    names = {table: part_name(unit.part, unit.of, table) for table in tables}
    key = work_key(batch.key, *names.values(), unit.start, unit.stop)
    done = finished_parts(batch.work, names.values(), key)
    if done is not None:
        return done
    rows = pa.concat_tables(_past(unit))
    written = []
    for table, schema in tables.items():
        some = rows.select(schema.names)
        if schema is PAST_PAGES:
            some = some.filter(pc.is_valid(some["id"]))
        some = some.take(pc.sort_indices(some, [(schema.names[0], "ascending")]))
        written.append(write_sorted(batch, names[table], some, schema, key))
    return written


def _past(unit: PastUnit) -> Iterator[pa.Table]:
    """Rows of registers within the unit's numbers; `id` is null for what is not of this corpus."""
    number = place = 0
    for decided in unit.batch.history:
        for path in decided.registers:
            count = rows_of(path)
            numbers = np.arange(number, number + count)
            wanted = (numbers >= unit.start) & (numbers < unit.stop)
            for first, group in row_groups(path, ["id", "place", "exact", "copy", "kept"], wanted):
                ours = np.flatnonzero(wanted[first : first + len(group)])
                rows = group.take(ours)
                ids = pa.nulls(len(rows), pa.string()) if decided.elsewhere else rows["id"]
                yield pa.table(
                    {
                        "id": ids,
                        "number": numbers[first + ours],
                        "exact": rows["exact"],
                        "place": column(rows, "place") + place,
                        "unique": pc.invert(rows["copy"]),
                        "kept": rows["kept"],
                    }
                )
            number += count
        place += sum(map(rows_of, decided.signatures))
