"""Units of one part of documents: the accepted texts as they are written, and all decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.quality.measure import MEASURES, Limits
from pipeline.store.cuts import read_cuts, without
from pipeline.store.parquet import read_rows
from pipeline.store.parts import Part, PartWriter, finished_part
from pipeline.store.progress import Progress
from pipeline.store.schemas import SCHEMAS
from pipeline.store.unspaced import count_words


@dataclass(frozen=True)
class AcceptUnit:
    """A part of documents, with the verdicts, duplicates and cuts of the same number."""

    documents: str
    verdicts: str
    duplicates: str
    cuts: tuple[str, ...]
    name: str
    folder: str
    key: str
    #: The measures that change accepted texts, with their settings.
    editing: tuple[tuple[str, Limits], ...]


def decisions_name(part: str) -> str:
    """The table of decisions beside a part of the corpus."""
    return part.replace("part-", "_decisions-", 1)


def accept_part(unit: AcceptUnit) -> list[Part]:
    """Writes what is accepted of one part of documents, and one decision a document."""
    names = unit.name, decisions_name(unit.name)
    done = [finished_part(unit.folder, name, unit.key) for name in names]
    if done[0] is not None and done[1] is not None:
        return [done[0], done[1]]
    verdicts = {row["id"]: row for row in read_rows(unit.verdicts)}
    duplicates = {row["id"]: row for row in read_rows(unit.duplicates)}
    cuts = read_cuts(unit.cuts)
    editors = {name: MEASURES.get(name)(settings) for name, settings in unit.editing}
    replaced = dict.fromkeys(editors, 0)
    with (
        PartWriter(unit.folder, names[0], SCHEMAS["corpus"], unit.key) as kept,
        PartWriter(unit.folder, names[1], SCHEMAS["decisions"], unit.key) as decisions,
        Progress(unit.folder, unit.name) as progress,
    ):
        for row in read_rows(unit.documents, ["id", "url", "title", "date", "text"]):
            page, verdict = row["id"], verdicts[row["id"]]
            decision = decide(verdict, duplicates.get(page))
            decisions.add([decision])
            if decision["kept"]:
                kept.counts.keep()
                text = without(row["text"], cuts.get(page, ()))
                for name, editor in editors.items():
                    before, text = text, editor.edit(text)
                    replaced[name] += int(text != before)
                row |= {"text": text, "words": count_words(text)}
                kept.add([row | {name: verdict[name] for name in ("karma", "language")}])
            else:
                kept.counts.drop(decision["reason"])
            progress.add(1, kept=int(decision["kept"]), dropped=int(not decision["kept"]))
        kept.extra = {f"{name}_replaced": count for name, count in replaced.items()}
    return [kept.finish(), decisions.finish()]


def decide(verdict: Mapping[str, Any], duplicate: Mapping[str, Any] | None) -> dict[str, Any]:
    """The decision on a document: its verdict, unless it passes and is a duplicate."""
    decision = {name: verdict.get(name) for name in SCHEMAS["decisions"].names}
    if verdict["reason"]:
        return decision | {"kept": False}
    if duplicate is None:
        return decision | {"kept": True, "stage": "corpus"}
    return decision | {
        "kept": False,
        "stage": "dedup",
        "reason": f"duplicate_{duplicate['kind']}",
        "kept_id": duplicate["kept_id"],
        "similarity": duplicate["similarity"],
        "detail": duplicate["elsewhere"] or None,
    }
