"""Fourth step: the runs of words that may be shared, and the texts they are of, from documents.

Only pages that share a minimizer are read, and of them only the runs that hold one.  Of pages of
earlier intervals, runs of which something was cut are no longer there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.dedup.bands import Numbers
from pipeline.dedup.batch import Batch, column, names_of, read
from pipeline.dedup.minhash import Hashes64
from pipeline.dedup.passages.share import MEMBERS_NAME
from pipeline.dedup.passages.spans import PageText
from pipeline.dedup.passages.winnow import run_hashes, shared_starts
from pipeline.dedup.places import Index
from pipeline.dedup.texts import rows_at
from pipeline.store import files
from pipeline.store.cuts import Span, are_within, original_places, read_cuts, without
from pipeline.store.parts import Part, PartWriter, finished_parts, part_name, work_key

#: One row a run: its first word in the page, and its hash.
RUNS = pa.schema(
    [("slice", pa.int64()), ("number", pa.int64()), ("start", pa.int64()), ("hash", pa.uint64())]
)
#: `cuts` are spans of the document's text that are not in this one.
TEXTS = pa.schema(
    [
        ("number", pa.int64()),
        ("text", pa.string()),
        ("language", pa.string()),
        ("cuts", pa.list_(pa.list_(pa.int64()))),
    ]
)
_TOGETHER = 64  # texts of a row group, which is what is read to get at one of them


@dataclass(frozen=True)
class RunsUnit:
    """The documents part at `file` among all of the run."""

    batch: Batch
    shared: tuple[str, ...]
    file: int
    of: int

    @property
    def name(self) -> str:
        """The scratch file of its runs."""
        return part_name(self.file, self.of, "runs")

    @property
    def texts(self) -> str:
        """The scratch file of its texts."""
        return part_name(self.file, self.of, "texts")


def runs_units(before: Sequence[Part], batch: Batch) -> list[RunsUnit]:
    """One unit a documents part."""
    shared, count = tuple(names_of(before, "shared-")), len(batch.documents())
    return [RunsUnit(batch, shared, file, count) for file in range(count)]


def write_runs(unit: RunsUnit) -> list[Part]:
    """Writes the part's runs and texts."""
    batch = unit.batch
    key = work_key(batch.key, unit.name, *unit.shared)
    done = finished_parts(batch.work, (unit.name, unit.texts), key)
    if done is not None:
        return done
    with (
        PartWriter(batch.work, unit.name, RUNS, key, fingerprinted=False) as runs,
        PartWriter(batch.work, unit.texts, TEXTS, key, fingerprinted=False) as texts,
    ):
        pages = _pages(unit)
        while some := list(islice(pages, _TOGETHER)):
            texts.add(pa.Table.from_pylist([page for page, _ in some], TEXTS))
            runs.add(pa.concat_tables([found for _, found in some]))
    return [runs.finish(), texts.finish()]


def _pages(unit: RunsUnit) -> Iterator[tuple[dict[str, Any], pa.Table]]:
    """Each page of the part that shares a minimizer: its row of `TEXTS`, its runs."""
    batch, index = unit.batch, Index(unit.batch)
    stored = list(index.by_file())
    signatures, numbers = stored[unit.file]
    first = sum(len(numbers) for _, numbers in stored[: unit.file])
    places, hashes = _shared(unit, first, first + len(numbers))
    rows, starts = np.unique(places - first, return_index=True)
    if not len(rows):
        return
    table = read([files.join(batch.work, MEMBERS_NAME)], ["number", "slice"])
    slices = column(table, "slice")[np.searchsorted(column(table, "number"), numbers[rows])]
    cuts, passages = batch.cuts()[unit.file], batch.passages()[unit.file]
    left_out, gone = read_cuts([cuts] if cuts else []), read_cuts([passages] if passages else [])
    # Texts of evaluation sets have no language, and need none: nothing is cut out of them.
    columns = ["text", "language"] if numbers.max() >= index.base else ["text"]
    pages = rows_at(batch.documents()[unit.file], signatures, rows, columns)
    own = zip(slices, numbers[rows].tolist(), np.split(hashes, starts[1:]), pages, strict=True)
    for part, number, shared, row in own:
        spans = left_out.get(row["id"], [])
        page = PageText(without(row["text"], spans))
        language = row.get("language", "")
        yield (
            {"number": number, "text": page.text, "language": language, "cuts": spans},
            _runs(page, (part, number), shared, _gone(page, spans, gone.get(row["id"], [])), batch),
        )


def _gone(page: PageText, cuts: list[Span], spans: list[Span]) -> npt.NDArray[np.bool_]:
    """Which words of a page were cut out of it; spans are of the document's text."""
    return are_within(original_places(page.words.starts, cuts), spans)


def _runs(
    page: PageText,
    names: tuple[int, int],
    shared: Hashes64,
    gone: npt.NDArray[np.bool_],
    batch: Batch,
) -> pa.Table:
    """The runs that hold a shared minimizer and are there as a whole."""
    length = batch.settings.passages.words
    starts = shared_starts(page.words.hashes, shared, length)
    before = np.concatenate([[0], np.cumsum(gone)])
    starts = starts[before[starts + length] == before[starts]]
    hashes = run_hashes(page.words.hashes, length)[starts]
    part, number = (np.full(len(starts), name) for name in names)
    return pa.table([part, number, starts, hashes], schema=RUNS)


def _shared(unit: RunsUnit, start: int, stop: int) -> tuple[Numbers, Hashes64]:
    """Places and shared minimizers of the part's pages, in order of place."""
    window = [("place", ">=", start), ("place", "<", stop)]
    paths = [files.join(unit.batch.work, name) for name in unit.shared]
    table = read(paths, ["place", "hash"], window)
    places = column(table, "place")
    order = np.argsort(places, kind="stable")
    return places[order], table["hash"].to_numpy()[order]
