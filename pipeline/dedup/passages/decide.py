"""Last step of passages: what goes of which page, slice by slice, in keep order.

A slice is decided by itself, with its runs in memory; texts are read as they are compared.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.dedup.bands import Numbers
from pipeline.dedup.batch import Batch, column, names_of, read
from pipeline.dedup.passages.cut import NOTHING, Cut, Keepers, Passage, cut_page
from pipeline.dedup.passages.runs import RUNS, TEXTS
from pipeline.dedup.passages.spans import PageText, is_same, passage_spans
from pipeline.store import files
from pipeline.store.cuts import original_span
from pipeline.store.parquet import open_table, rows_of
from pipeline.store.parts import Part, PartWriter, finished_part, part_name, work_key

#: What goes for page `kept`: a span of characters, or the whole page, of whose words others have
#: `share`, where the span is null.  Spans are of the documents' texts.
GONE = pa.schema(
    [
        ("number", pa.int64()),
        ("kept", pa.int64()),
        ("share", pa.float64()),
        ("start", pa.int64()),
        ("stop", pa.int64()),
        ("kept_start", pa.int64()),
        ("kept_stop", pa.int64()),
    ]
)
#: Row groups of texts in memory: with pages of 5 kB, 20 MB.
_GROUPS = 64


@dataclass(frozen=True)
class CutUnit:
    """One slice of pages, with the names of the files that hold runs and texts."""

    batch: Batch
    part: int
    of: int
    runs: tuple[str, ...]
    texts: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its scratch file."""
        return part_name(self.part, self.of, "gone")


def cut_units(before: Sequence[Part], batch: Batch) -> list[CutUnit]:
    """The slices of pages."""
    slices = sum(part.extra.get("passage_slices", 0) for part in before)
    runs, texts = tuple(names_of(before, "runs-")), tuple(names_of(before, "texts-"))
    return [CutUnit(batch, part, slices, runs, texts) for part in range(slices)]


def write_cuts(unit: CutUnit) -> list[Part]:
    """Writes what goes of the slice's pages."""
    batch = unit.batch
    key = work_key(batch.key, unit.name, *unit.runs)
    done = finished_part(batch.work, unit.name, key)
    if done:
        return [done]
    texts = Texts([files.join(batch.work, name) for name in unit.texts])
    with PartWriter(batch.work, unit.name, GONE, key, fingerprinted=False) as writer:
        for number, cut in _cuts(unit, texts):
            writer.add(_rows(number, cut, texts))
    return [writer.finish()]


def _cuts(unit: CutUnit, texts: Texts) -> Iterator[tuple[int, Cut]]:
    """The pages of the batch that lose anything, in keep order."""
    settings = unit.batch.settings.passages
    base = sum(rows_of(path) for one in unit.batch.history for path in one.registers)
    numbers, starts, runs = _shared_runs(unit)
    keepers = Keepers(int(runs.max(initial=-1)) + 1)
    firsts = np.flatnonzero(np.diff(numbers, prepend=-1))
    for first, last in zip(firsts, [*firsts[1:], len(numbers)], strict=True):
        number, own, places = int(numbers[first]), runs[first:last], starts[first:last]
        shared = keepers.shared(places, own, settings.words) if number >= base else []
        cut = NOTHING
        if shared:
            page, language = texts.page(number), texts.row(number)["language"]
            cut = cut_page(
                shared,
                partial(_is_equal, texts, page),
                partial(page.bounds, settings.bounds, language),
                len(page),
                settings,
            )
            yield number, cut
        keepers.keep(number, places, own, cut, settings.words)


def _is_equal(texts: Texts, page: PageText, passage: Passage) -> bool:
    return is_same(page, texts.page(passage.kept), passage)


def _shared_runs(unit: CutUnit) -> tuple[Numbers, Numbers, Numbers]:
    """Numbers, first words and indices of the runs that are there twice, in keep order."""
    paths = [files.join(unit.batch.work, name) for name in unit.runs]
    table = read(paths, RUNS.names, [("slice", "=", unit.part)])
    _, runs, counts = np.unique(table["hash"].to_numpy(), return_inverse=True, return_counts=True)
    twice = counts[runs] > 1
    runs = (np.cumsum(counts > 1) - 1)[runs[twice]]
    numbers, starts = column(table, "number")[twice], column(table, "start")[twice]
    order = np.lexsort((starts, numbers))
    return numbers[order], starts[order], runs[order]


def _rows(number: int, cut: Cut, texts: Texts) -> Iterator[dict[str, Any]]:
    """The rows of a page; the share stands with the page that goes whole."""
    if cut.contained_in >= 0:
        yield {"number": number, "kept": cut.contained_in, "share": cut.share}
    page = texts.page(number)
    for passage, span in zip(cut.passages, passage_spans(page, cut.passages), strict=True):
        start, stop = original_span(span, texts.cuts(number))
        kept = texts.page(passage.kept)
        kept_stop = passage.kept_start + passage.stop - passage.start
        its = kept.characters(passage.kept_start, kept_stop)
        kept_start, kept_end = original_span(its, texts.cuts(passage.kept))
        yield {
            "number": number,
            "kept": passage.kept,
            "start": start,
            "stop": stop,
            "kept_start": kept_start,
            "kept_stop": kept_end,
        }


class Texts:
    """The texts that earlier steps have written, by number; the last ones read are kept."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._places: dict[int, tuple[str, int]] = {}
        self._groups: OrderedDict[tuple[str, int], dict[int, dict[str, Any]]] = OrderedDict()
        for path in paths:
            with open_table(path) as stored:
                for group in range(stored.num_row_groups):
                    for number in stored.read_row_group(group, ["number"])["number"].to_pylist():
                        self._places[number] = path, group

    def row(self, number: int) -> dict[str, Any]:
        """The row of a page."""
        place = self._places[number]
        if place not in self._groups:
            path, group = place
            with open_table(path) as stored:
                rows = stored.read_row_group(group, TEXTS.names).to_pylist()
            self._groups[place] = {row["number"]: row for row in rows}
            if len(self._groups) > _GROUPS:
                self._groups.popitem(last=False)
        self._groups.move_to_end(place)
        return self._groups[place][number]

    def page(self, number: int) -> PageText:
        """The text of a page with its words."""
        row = self.row(number)
        if "page" not in row:
            row["page"] = PageText(row["text"])
        page: PageText = row["page"]
        return page

    def cuts(self, number: int) -> list[tuple[int, int]]:
        """The spans of the document's text that its text here does not have."""
        return [(start, stop) for start, stop in self.row(number)["cuts"]]
