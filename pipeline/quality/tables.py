"""The units of the quality and corpus stages: one part of documents in, one part each out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.quality.decide import Rule, first_failure
from pipeline.quality.measure import MEASURES, Limits
from pipeline.quality.measure_document import measurement_schema, measurer
from pipeline.quality.settings import MeasureSettings
from pipeline.store import files
from pipeline.store.addresses import host_of
from pipeline.store.parquet import read_rows
from pipeline.store.parts import Part, PartWriter, finished_part
from pipeline.store.progress import Progress
from pipeline.store.repeated_lines import NO_LINES, read_host_lines, strip_host_lines
from pipeline.store.schemas import SCHEMAS
from pipeline.store.takedown import Takedown


@dataclass(frozen=True)
class MeasureUnit:
    """A part of documents to measure."""

    documents: str
    name: str
    folder: str
    key: str
    settings: MeasureSettings


@dataclass(frozen=True)
class AcceptUnit:
    """A part of documents to decide on, with the tables that it is decided by."""

    documents: str
    measurements: str
    #: The scratch table of what links and duplicates say of it (`join.py`), within `folder`.
    joined: str
    #: Tables of lines that repeat across a host (pipeline/store/repeated_lines.py).
    host_lines: tuple[str, ...]
    name: str
    folder: str
    key: str
    rules: tuple[Rule, ...]
    takedown: Takedown
    #: The measures that change accepted texts, with their settings.
    editing: tuple[tuple[str, Limits], ...]


def measure_part(unit: MeasureUnit) -> list[Part]:
    """Writes the measurements of one part of documents."""
    done = finished_part(unit.folder, unit.name, unit.key)
    if done is not None:
        return [done]
    with (
        PartWriter(unit.folder, unit.name, measurement_schema(), unit.key) as writer,
        Progress(unit.folder, unit.name) as progress,
    ):
        measures = measurer(unit.settings)
        for row in read_rows(unit.documents, ["id", "text"]):
            writer.add([measures.measure(row["id"], row["text"])])
            writer.counts.keep()
            progress.add()
    return [writer.finish()]


def decide_part(unit: AcceptUnit) -> list[Part]:
    """Writes what is accepted of one part of documents, and one decision a document."""
    names = unit.name, unit.name.replace("part-", "_decisions-", 1)
    done = [finished_part(unit.folder, name, unit.key) for name in names]
    if done[0] is not None and done[1] is not None:
        return [done[0], done[1]]
    evidence = _Evidence(unit)
    host_lines = read_host_lines(unit.host_lines, unit.documents)
    editors = {name: MEASURES.get(name)(settings) for name, settings in unit.editing}
    extra = {f"{name}_replaced": 0 for name in editors} | {"host_lines_removed": 0}
    with (
        PartWriter(unit.folder, names[0], SCHEMAS["corpus"], unit.key) as kept,
        PartWriter(unit.folder, names[1], SCHEMAS["decisions"], unit.key) as decisions,
        Progress(unit.folder, unit.name) as progress,
    ):
        for row in read_rows(unit.documents, ["id", "canonical", *_COPIED]):
            decision = evidence.decide(row["id"], row["url"], row.pop("canonical"))
            decisions.add([decision])
            if decision["kept"]:
                kept.counts.keep()
                lines = host_lines.get(host_of(row["url"]), NO_LINES)
                text, removed = strip_host_lines(row["text"], lines)
                extra["host_lines_removed"] += removed
                for name, editor in editors.items():
                    before, text = text, editor.edit(text)
                    extra[f"{name}_replaced"] += int(text != before)
                kept.add([_with_text(row, text) | {"karma": evidence.karma(row["id"])}])
            else:
                kept.counts.drop(decision["reason"])
            progress.add(1, kept=int(decision["kept"]), dropped=int(not decision["kept"]))
        kept.extra.update(extra)
    return [kept.finish(), decisions.finish()]


_COPIED = ("url", "title", "date", "language", "text", "words")


def _with_text(row: dict[str, Any], text: str) -> dict[str, Any]:
    return row if text == row["text"] else row | {"text": text, "words": len(text.split())}


class _Evidence:
    """What the stages before found of the documents of one part, by id."""

    def __init__(self, unit: AcceptUnit) -> None:
        self._rules, self._takedown = unit.rules, unit.takedown
        texts = {name for rule in unit.rules for name in MEASURES.get(rule.family).texts}
        columns = sorted({"id", *texts, *(rule.column for rule in unit.rules)})
        self._values = {row["id"]: row for row in read_rows(unit.measurements, columns)}
        self._joined = {row["id"]: row for row in read_rows(files.join(unit.folder, unit.joined))}

    def karma(self, page: str) -> int | None:
        """The karma of a document's link; None for one that is on a list without scores."""
        karma: int | None = self._joined[page]["karma"]
        return karma

    def decide(self, page: str, url: str, canonical: str | None) -> dict[str, Any]:
        """The decision on a document: takedowns, then duplicates, then the rules in order."""
        dropped = (
            self._taken_down(page, url, canonical)
            or self._duplicate(page)
            or self._broken_rule(page)
        )
        return _KEPT | {"id": page} | (dropped or {})

    def _taken_down(self, page: str, url: str, canonical: str | None) -> dict[str, Any] | None:
        mentions = self._joined[page].get("mentions") or ()
        posted = (mention["reddit_id"] for mention in mentions)
        entry = self._takedown.entry_for(page, url, posted, canonical)
        if entry is None:
            return None
        return {"kept": False, "stage": "corpus", "reason": "takedown", "detail": entry}

    def _duplicate(self, page: str) -> dict[str, Any] | None:
        duplicate = self._joined[page]
        if duplicate["kind"] is None:
            return None
        return {
            "kept": False,
            "stage": "dedup",
            "reason": f"duplicate_{duplicate['kind']}",
            "kept_id": duplicate["kept_id"],
            "similarity": duplicate["similarity"],
        }

    def _broken_rule(self, page: str) -> dict[str, Any] | None:
        values = self._values[page]
        failure = first_failure(self._rules, values)
        if failure is None:
            return None
        return {
            "kept": False,
            "stage": "quality",
            "reason": failure.rule.reason,
            "value": failure.value,
            "threshold": failure.rule.threshold,
            "detail": MEASURES.get(failure.rule.family).detail(values),
        }


#: The decision on a document that nothing speaks against.
_KEPT: dict[str, Any] = {
    "kept": True,
    "stage": "corpus",
    "reason": "",
    "value": None,
    "threshold": None,
    "kept_id": None,
    "similarity": None,
    "detail": None,
}
