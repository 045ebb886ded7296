"""The units of the quality and corpus stages: one part of documents in, one part each out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline import files
from pipeline.corpus import SCHEMAS
from pipeline.parts import Part, PartWriter, finished_part
from pipeline.progress import Progress
from pipeline.quality.decide import Rule, first_failure
from pipeline.quality.measure import SCHEMA, measure

_BATCH = 500  # documents held at once, some MB of text


@dataclass(frozen=True)
class MeasureUnit:
    """A part of documents to measure."""

    documents: str
    name: str
    folder: str
    key: str


@dataclass(frozen=True)
class DecideUnit:
    """A part of documents to decide on, with the tables that say what was found."""

    documents: str
    measurements: str
    duplicates: tuple[str, ...]
    links: tuple[str, ...]
    name: str
    folder: str
    key: str
    rules: tuple[Rule, ...]


def measure_part(unit: MeasureUnit) -> list[Part]:
    """Writes the measurements of one part of documents."""
    done = finished_part(unit.folder, unit.name, unit.key)
    if done is not None:
        return [done]
    with (
        PartWriter(unit.folder, unit.name, SCHEMA, unit.key) as writer,
        Progress(unit.folder, unit.name) as progress,
    ):
        for row in read_rows(unit.documents, ["id", "text"]):
            writer.add([{"id": row["id"]} | measure(row["text"])])
            writer.counts.keep()
            progress.add()
    assert writer.part is not None
    return [writer.part]


def decide_part(unit: DecideUnit) -> list[Part]:
    """Writes what is accepted of one part of documents, and one decision a document."""
    names = unit.name, unit.name.replace("part-", "decisions-", 1)
    done = [finished_part(unit.folder, name, unit.key) for name in names]
    if done[0] is not None and done[1] is not None:
        return [done[0], done[1]]
    found = _Found(unit)
    with (
        PartWriter(unit.folder, names[0], SCHEMAS["corpus"], unit.key) as kept,
        PartWriter(unit.folder, names[1], SCHEMAS["decisions"], unit.key) as decisions,
        Progress(unit.folder, unit.name) as progress,
    ):
        for row in read_rows(unit.documents, ["id", *_COPIED]):
            decision = found.decide(row["id"])
            decisions.add([decision])
            if decision["kept"]:
                kept.counts.keep()
                karma = found.karma.get(row["id"])
                kept.add([{"id": row["id"], "karma": karma} | {n: row[n] for n in _COPIED}])
            else:
                kept.counts.drop(decision["reason"])
            progress.add(1, kept=int(decision["kept"]), dropped=int(not decision["kept"]))
    assert kept.part is not None and decisions.part is not None
    return [kept.part, decisions.part]


_COPIED = ("url", "title", "date", "language", "text", "words")


class _Found:
    """What the stages before found of the documents of one part, by id."""

    def __init__(self, unit: DecideUnit) -> None:
        self._rules = unit.rules
        self._values = {row["id"]: row for row in read_rows(unit.measurements)}
        ids = pa.array(self._values, pa.string())
        self._duplicates = {row["id"]: row for row in _rows_of(unit.duplicates, ids)}
        self.karma = {r["id"]: r["karma"] for r in _rows_of(unit.links, ids, ["id", "karma"])}

    def decide(self, page: str) -> dict[str, Any]:
        """The decision on a document: duplicates first, then the rules in their order."""
        decision: dict[str, Any] = {
            "id": page,
            "kept": True,
            "stage": "corpus",
            "reason": "",
            "value": None,
            "threshold": None,
            "kept_id": None,
            "similarity": None,
        }
        duplicate = self._duplicates.get(page)
        if duplicate is not None:
            return decision | {
                "kept": False,
                "stage": "dedup",
                "reason": f"duplicate_{duplicate['kind']}",
                "kept_id": duplicate["kept_id"],
                "similarity": duplicate["similarity"],
            }
        failure = first_failure(self._rules, self._values[page])
        if failure is not None:
            return decision | {
                "kept": False,
                "stage": "quality",
                "reason": failure.rule.reason,
                "value": failure.value,
                "threshold": failure.rule.threshold,
            }
        return decision


def read_rows(path: str, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a table, a batch at a time."""
    with files.open_read(path) as stream:
        for batch in pq.ParquetFile(stream).iter_batches(_BATCH, columns=columns):
            yield from batch.to_pylist()


def _rows_of(
    paths: Iterable[str], ids: pa.Array, columns: list[str] | None = None
) -> Iterator[dict[str, Any]]:
    """The rows of tables whose id is among `ids`; a batch at a time is held."""
    for path in paths:
        with files.open_read(path) as stream:
            for batch in pq.ParquetFile(stream).iter_batches(columns=columns):
                yield from batch.filter(pc.is_in(batch.column("id"), ids)).to_pylist()
