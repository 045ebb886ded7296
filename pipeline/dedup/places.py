"""Which number each row of the signature files has: one table for each run of neighbouring files.

The tables are written once the first document of each text is known.  So whoever goes through
signature files holds the numbers of one run at a time, and nothing that grows with the corpus.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dedup.bands import Numbers
from pipeline.dedup.batch import Batch, column, read
from pipeline.dedup.sort import PAST_PLACES
from pipeline.dedup.windows import sorted_window
from pipeline.store import files
from pipeline.store.parquet import rows_of
from pipeline.store.parts import Part, PartWriter, batches_of, finished_part, part_name, work_key

#: Documents of a run: 10 MB of numbers, and 20 MB of each band.
RUN_ROWS = 1_000_000

#: `row` counts from the start of the run; what may not be in the corpus has none.
PLACES = pa.schema(
    [
        ("row", pa.int64()),
        ("number", pa.int64()),
        ("unique", pa.bool_()),  # no copy of an earlier one
        ("kept", pa.bool_()),  # not removed in an earlier interval
    ]
)


@dataclass(frozen=True)
class SignatureRun:
    """Run `number` of `of`: the signature files from `first` on, with the rows of each."""

    number: int
    of: int
    first: int
    start: int  # the place of its first row
    rows: tuple[int, ...]

    @property
    def name(self) -> str:
        """The scratch file of its places."""
        return part_name(self.number, self.of, "places")


def runs_of(batch: Batch) -> list[SignatureRun]:
    """All signature files of history and batch, in runs of some `RUN_ROWS` documents."""
    rows = [rows_of(path) for path in batch.signatures()]
    slices, places = list(batches_of(rows, RUN_ROWS)), np.cumsum([0, *rows]).tolist()
    return [
        SignatureRun(number, len(slices), some.start, places[some.start], tuple(rows[some]))
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


def numbers_of_file(batch: Batch, file: int) -> tuple[str, Numbers]:
    """The signature file at a place among all, with the numbers of its rows."""
    run = next(run for run in runs_of(batch) if run.first <= file < run.first + len(run.rows))
    return list(RunPlaces(batch, run).by_file())[file - run.first]


def write_places(
    batch: Batch, run: SignatureRun, firsts: Sequence[str], past: Sequence[str]
) -> Part:
    """Writes the table of a run, from the names of the tables of the batch and of history."""
    key = work_key(batch.key, run.name, *firsts, *past)
    done = finished_part(batch.work, run.name, key)
    if done:
        return done
    base, stop = batch.first_place(), run.start + sum(run.rows)
    found = [PLACES.empty_table()]
    for path in (files.join(batch.work, name) for name in past):
        rows = sorted_window(path, PAST_PLACES.names, run.start, stop)[1]
        found.append(_rows_of_run(rows, run.start, rows["unique"], rows["kept"]))
    for path in (files.join(batch.work, name) for name in firsts):
        columns = ["place", "number", "first"]
        rows = sorted_window(path, columns, run.start - base, stop - base)[1]
        unique = pc.equal(rows["first"], rows["number"])
        found.append(_rows_of_run(rows, run.start - base, unique, np.ones(len(rows), bool)))
    with PartWriter(batch.work, run.name, PLACES, key, fingerprinted=False) as writer:
        writer.add(pa.concat_tables(found).sort_by("row"))
    return writer.finish()


def _rows_of_run(rows: pa.Table, start: int, unique: Any, kept: Any) -> pa.Table:
    places = column(rows, "place") - start
    return pa.table([places, rows["number"], unique, kept], schema=PLACES)


class Index:
    """Places and numbers of all documents of a run: 10 bytes a document, held by a unit of work."""

    def __init__(self, batch: Batch) -> None:
        runs = [RunPlaces(batch, run) for run in runs_of(batch)]
        self.base = batch.base()
        #: By place; -1: may not be in.
        self.number = np.concatenate([np.empty(0, np.int64), *(run.number for run in runs)])
        passed = self.number >= 0
        #: By number: no copy of an earlier one; not removed in an earlier interval.
        self.unique, self.kept = (np.empty(int(passed.sum()), bool) for _ in range(2))
        numbers = self.number[passed]
        self.unique[numbers] = np.concatenate([run.unique for run in runs])[passed]
        self.kept[numbers] = np.concatenate([run.kept for run in runs])[passed]
        self._files = [file for run in runs for file in run.by_file()]

    def by_file(self) -> Iterator[tuple[str, Numbers]]:
        """Each signature file with the numbers of its rows; -1 for one that may not be in."""
        yield from self._files

    def __len__(self) -> int:
        return len(self.unique)
