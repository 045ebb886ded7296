"""The end of a run: the duplicate table by parts, and the keep order for later intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import duckdb
import numpy as np
import pyarrow as pa

from pipeline.dedup.bands import is_among
from pipeline.dedup.batch import REGISTER, Batch, column, names_of
from pipeline.dedup.database import ROWS, database, tables
from pipeline.dedup.fates import RunTables, load_fates
from pipeline.dedup.order import COPIES
from pipeline.dedup.windows import windows
from pipeline.store.parquet import batches, rows_of
from pipeline.store.parts import (
    Part,
    PartWriter,
    batches_of,
    finished_part,
    finished_parts,
    part_name,
    work_key,
)
from pipeline.store.schemas import SCHEMAS

#: Documents whose end one unit writes: a GB at most, in DuckDB.
WRITE_ROWS = 1_000_000

_CUT_OF_PART = """
SELECT count(DISTINCT gone.number), coalesce(sum(stop - start), 0)
FROM gone JOIN firsts USING (number) WHERE start IS NOT NULL AND place >= ? AND place < ?
"""
_PASSAGES_OF_PART = """
SELECT firsts.id, start, stop, stays.kept_id, kept_start, kept_stop, stays.elsewhere
FROM gone JOIN firsts ON firsts.number = gone.number JOIN stays ON stays.number = gone.kept
WHERE start IS NOT NULL AND place >= ? AND place < ? ORDER BY firsts.id, start
"""
_ROWS_OF_PART = """
SELECT id, kept_id, similarity, kind, elsewhere FROM removed
WHERE place >= ? AND place < ? ORDER BY id
"""
_DROPS_OF_PART = """
SELECT kind, count(*) FROM removed WHERE place >= ? AND place < ? GROUP BY kind ORDER BY kind
"""


@dataclass(frozen=True)
class WriteUnit:
    """The documents parts from `first` to `stop` - 1 of the batch."""

    batch: Batch
    exchange: RunTables
    first: int
    stop: int


@dataclass(frozen=True)
class RegisterUnit:
    """Range `part` of the keep order; numbers that the manifest gets with it."""

    batch: Batch
    exchange: RunTables
    part: int
    measured: tuple[tuple[str, int], ...]


def write_units(before: Sequence[Part], batch: Batch) -> list[WriteUnit | RegisterUnit]:
    """Runs of documents parts, and the ranges of the keep order.

    The first of these takes over what the steps before have measured.
    """
    measured = {
        name: sum(part.extra.get(name, 0) for part in before) for name in ("candidates", "compared")
    }
    prefixes = ("order-", "firsts-", "copies-", "decided-", "gone-")
    exchange = RunTables(*(tuple(names_of(before, prefix)) for prefix in prefixes))
    rows = [end - start for start, end in pairwise(batch.bounds())]
    runs = [WriteUnit(batch, exchange, r.start, r.stop) for r in batches_of(rows, WRITE_ROWS)]
    ranges = [
        RegisterUnit(batch, exchange, part, () if part else tuple(measured.items()))
        for part in range(len(exchange.orders))
    ]
    return [*runs, *ranges]


def write(unit: WriteUnit | RegisterUnit) -> list[Part]:
    """The units of this step are of two kinds."""
    return write_register(unit) if isinstance(unit, RegisterUnit) else write_parts(unit)


def write_parts(unit: WriteUnit) -> list[Part]:
    """Writes `part-…` (removed documents) and `_passages-…`, where asked for.

    They have the numbers of the documents' parts.
    """
    batch, bounds = unit.batch, unit.batch.bounds()
    parts = range(unit.first, unit.stop)
    names = {part: part_name(part, len(bounds) - 1) for part in parts}
    passages = {part: name.replace("part", "_passages", 1) for part, name in names.items()}
    passages = passages if batch.settings.passages.enabled else {}
    everything = [*names.values(), *passages.values()]
    done = finished_parts(batch.folder, everything, batch.key)
    if done is not None:
        return done
    with database() as connection:
        passed = load_fates(connection, batch, unit.exchange, parts, bounds)
        written = [
            _write_part(connection, batch, name, (bounds[part], bounds[part + 1]), seen)
            for (part, name), seen in zip(names.items(), passed, strict=True)
        ]
        written += [
            _write_passages(connection, batch, name, (bounds[part], bounds[part + 1]))
            for part, name in passages.items()
        ]
    return written


@contextmanager
def _written(
    batch: Batch, name: str, table: str, rows: duckdb.DuckDBPyRelation
) -> Iterator[PartWriter]:
    """A writer that has taken in the rows of a table."""
    with PartWriter(batch.folder, name, SCHEMAS[table], batch.key) as writer:
        for some in tables(rows, SCHEMAS[table]):
            writer.add(some)
        yield writer


def _write_part(
    connection: duckdb.DuckDBPyConnection,
    batch: Batch,
    name: str,
    ours: tuple[int, int],
    seen: int,
) -> Part:
    """The duplicates of one part of documents, by their places; `seen` of them came here."""
    rows = connection.sql(_ROWS_OF_PART, params=ours)
    with _written(batch, name, "dedup", rows) as writer:
        for kind, number in connection.execute(_DROPS_OF_PART, ours).fetchall():
            writer.counts.drop(kind, number)
        writer.counts.keep(seen - writer.counts.seen)
    return writer.finish()


def _write_passages(
    connection: duckdb.DuckDBPyConnection, batch: Batch, name: str, ours: tuple[int, int]
) -> Part:
    """The passages that go of one part of documents, by their rows."""
    rows = connection.sql(_PASSAGES_OF_PART, params=ours)
    with _written(batch, name, "passages", rows) as writer:
        for pages, characters in connection.execute(_CUT_OF_PART, ours).fetchall():
            writer.extra = {"passage_pages": pages, "passage_characters": int(characters)}
    return writer.finish()


def write_register(unit: RegisterUnit) -> list[Part]:
    """Writes `_register-…`: a range of all that passed, in keep order, with what was decided."""
    batch, paths = unit.batch, unit.exchange.paths(unit.batch, "orders")
    name = part_name(unit.part, len(paths), "_register")
    done = finished_part(batch.folder, name, key := work_key(batch.key, name))
    if done:
        return [done]
    first = batch.base() + sum(map(rows_of, paths[: unit.part]))
    stop = first + rows_of(paths[unit.part])
    # Not those that went for their passages: later documents are compared with them as before.
    copies, near = (
        np.sort(column(windows(unit.exchange.paths(batch, table), COPIES, first, stop), "number"))
        for table in ("copies", "decided")
    )
    with PartWriter(batch.folder, name, REGISTER, key, fingerprinted=False) as writer:
        writer.extra = dict(unit.measured)
        for rows in batches(paths[unit.part], ["id", "place", "exact"], ROWS):
            numbers = np.arange(first, first + rows.num_rows)
            first += rows.num_rows
            copy = is_among(numbers, copies)  # or an earlier page crawled anew
            kept = ~(copy | is_among(numbers, near))
            writer.add(pa.table([*rows.columns, copy, kept], schema=REGISTER))
    return [writer.finish()]
