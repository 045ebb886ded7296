"""Which number each row of the signature files has: one table for each run of neighbouring files.

The tables are written with the keep order.  So whoever goes through signature files holds the
numbers of one run at a time, and nothing that grows with the corpus.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from pipeline.dedup.bands import Numbers
from pipeline.dedup.batch import Batch, column, read, rows_of
from pipeline.store import files
from pipeline.store.parquet import batches
from pipeline.store.parts import Part, PartWriter, batches_of, finished_part, part_name

#: Documents of a run: 10 MB of numbers, and 20 MB of each band.
RUN_ROWS = 1_000_000
_ROWS = 100_000  # that pass between DuckDB and files at a time

#: `row` counts from the start of the run; what may not be in the corpus has none.
PLACES = pa.schema(
    [
        ("row", pa.int64()),
        ("number", pa.int64()),
        ("unique", pa.bool_()),  # no copy of an earlier one
        ("kept", pa.bool_()),  # not removed in an earlier interval
    ]
)
_PLACED = pa.schema([pa.field("place", pa.int64()), *list(PLACES)[1:]])


@dataclass(frozen=True)
class SignatureRun:
    """Run `number` of `of`: the signature files from `first` on, with the rows of each."""

    number: int
    of: int
    first: int
    rows: tuple[int, ...]

    @property
    def name(self) -> str:
        """The scratch file of its places."""
        return part_name(self.number, self.of, "places")


def runs_of(batch: Batch) -> list[SignatureRun]:
    """All signature files of history and batch, in runs of some `RUN_ROWS` documents."""
    rows = [rows_of(path) for path in batch.signatures()]
    slices = list(batches_of(rows, RUN_ROWS))
    return [
        SignatureRun(number, len(slices), some.start, tuple(rows[some]))
        for number, some in enumerate(slices)
    ]


class RunPlaces:
    """The numbers of a run's rows: -1 for one that may not be in the corpus."""

    def __init__(self, batch: Batch, run: SignatureRun) -> None:
        self._rows = run.rows
        self.signatures = batch.signatures()[run.first : run.first + len(run.rows)]
        table = read([files.join(batch.work, run.name)], PLACES.names)
        rows = column(table, "row")
        self.number = np.full(sum(run.rows), -1, np.int64)
        self.number[rows] = column(table, "number")
        self.unique, self.kept = (np.zeros(len(self.number), bool) for _ in range(2))
        self.unique[rows] = column(table, "unique")
        self.kept[rows] = column(table, "kept")

    def by_file(self) -> Iterator[tuple[str, Numbers]]:
        """Each signature file with the numbers of its rows."""
        ends = np.cumsum(self._rows)
        for path, rows, end in zip(self.signatures, self._rows, ends.tolist(), strict=True):
            yield path, self.number[end - rows : end]


def numbers_by_file(batch: Batch) -> Iterator[tuple[str, Numbers]]:
    """Each signature file of history and batch with the numbers of its rows."""
    for run in runs_of(batch):
        yield from RunPlaces(batch, run).by_file()


def numbers_of_file(batch: Batch, file: int) -> tuple[str, Numbers]:
    """The signature file at a place among all, with the numbers of its rows."""
    run = next(run for run in runs_of(batch) if run.first <= file < run.first + len(run.rows))
    return list(RunPlaces(batch, run).by_file())[file - run.first]


def finished_places(batch: Batch) -> list[Part | None]:
    """The tables that are there."""
    return [finished_part(batch.work, run.name, batch.key) for run in runs_of(batch)]


def write_places(connection: duckdb.DuckDBPyConnection, batch: Batch) -> list[Part]:
    """Writes the tables of all runs, once the keep order is there; DuckDB sorts by place."""
    reader = pa.RecordBatchReader.from_batches(_PLACED, _placed(batch))
    connection.register("placed", reader)
    query = connection.sql('SELECT place, number, "unique", kept FROM placed ORDER BY place')
    found = _RowStream(iter(query.to_arrow_reader(_ROWS)))
    written, start = [], 0
    for run in runs_of(batch):
        stop = start + sum(run.rows)
        with PartWriter(batch.work, run.name, PLACES, batch.key, fingerprinted=False) as writer:
            for rows in found.below(stop):
                places = pa.array(rows["place"].to_numpy() - start)
                writer.add(pa.table([places, *rows.columns[1:]], schema=PLACES))
        written.append(writer.finish())
        start = stop
    return written


class _RowStream:
    """Record batches in order of place, taken up to one place after the other."""

    def __init__(self, stream: Iterator[pa.RecordBatch]) -> None:
        self._stream, self._left = stream, pa.RecordBatch.from_pylist([], _PLACED)

    def below(self, stop: int) -> Iterator[pa.RecordBatch]:
        """All that is left below a place."""
        rows: pa.RecordBatch | None = self._left
        while rows is not None:
            count = int(np.searchsorted(rows["place"].to_numpy(), stop))
            if count:
                yield rows.slice(0, count)
            self._left = rows.slice(count)
            if count < rows.num_rows:
                return
            rows = next(self._stream, None)


def _placed(batch: Batch) -> Iterator[pa.RecordBatch]:
    """Place, number and state of all documents that may be in the corpus, in order of number."""
    number = place = 0
    for decided in batch.history:
        for path in decided.registers:
            for rows in batches(path, ["place", "copy", "kept"], _ROWS):
                columns = rows["place"].to_numpy() + place, _numbers(number, rows)
                unique = ~rows["copy"].to_numpy(zero_copy_only=False)
                yield pa.record_batch([*columns, unique, rows["kept"]], schema=_PLACED)
                number += rows.num_rows
        place += sum(map(rows_of, decided.signatures))
    for rows in batches(batch.order, ["place", "first"], _ROWS):
        numbers = _numbers(number, rows)
        unique = rows["first"].to_numpy() == numbers
        kept = np.ones(rows.num_rows, bool)
        yield pa.record_batch(
            [rows["place"].to_numpy() + place, numbers, unique, kept], schema=_PLACED
        )
        number += rows.num_rows


def _numbers(first: int, rows: pa.RecordBatch) -> Numbers:
    return np.arange(first, first + rows.num_rows)
