"""Units of one part of documents: the accepted texts as they are written, and all decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.quality.measure import MEASURES, Limits
from pipeline.quality.passages import Left, PassageCuts, PassageRules, measurements_name
from pipeline.store.cuts import read_cuts, without
from pipeline.store.parquet import read_rows
from pipeline.store.parts import Part, PartWriter, finished_parts
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
    #: None where dedup looks for no passages.
    passages: PassageRules | None

    @property
    def names(self) -> list[str]:
        """The tables to write: texts, decisions, measurements of texts without passages."""
        names = [self.name, decisions_name(self.name)]
        return [*names, measurements_name(self.name)] if self.passages else names


def decisions_name(part: str) -> str:
    """The table of decisions beside a part of the corpus."""
    return part.replace("part-", "_decisions-", 1)


def accept_part(unit: AcceptUnit) -> list[Part]:
    """Writes what is accepted of one part of documents, and one decision a document."""
    names = unit.names
    done = finished_parts(unit.folder, names, unit.key)
    if done is not None:
        return done
    verdicts = {row["id"]: row for row in read_rows(unit.verdicts)}
    duplicates = {row["id"]: row for row in read_rows(unit.duplicates)}
    cuts = read_cuts(unit.cuts)
    passages = PassageCuts(unit.passages) if unit.passages else None
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
            if decision["kept"]:
                kept.counts.keep()
                spans, language = cuts.get(page, []), verdict["language"]
                if passages is None:
                    left = Left(without(row["text"], spans), language)
                else:
                    left = passages.left(page, row["text"], spans, language)
                if left.broken:
                    decision["detail"] = f"keeps its passages: {left.broken}"
                text = left.text
                for name, editor in editors.items():
                    before, text = text, editor.edit(text)
                    replaced[name] += int(text != before)
                row |= {"text": text, "words": count_words(text)}
                kept.add([row | {"karma": verdict["karma"], "language": left.language}])
            else:
                kept.counts.drop(decision["reason"])
            decisions.add([decision])
            progress.add(1, kept=int(decision["kept"]), dropped=int(not decision["kept"]))
        kept.extra = {f"{name}_replaced": count for name, count in replaced.items()}
    measured = [passages.write(unit.folder, names[-1], unit.key)] if passages else []
    return [kept.finish(), decisions.finish(), *measured]


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
