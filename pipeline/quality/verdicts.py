"""Units of one part of documents: which may be in the corpus, by takedown list and by rules.

Verdicts come before duplicates, so that no page is removed for one that is not in the corpus.
They read measurements only, and no text: another threshold costs seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.quality.decide import Rule, first_failure
from pipeline.quality.measure import detail_of, text_columns
from pipeline.quality.tables import LINES
from pipeline.store import files
from pipeline.store.parquet import read_rows
from pipeline.store.parts import Part, PartWriter, finished_part
from pipeline.store.schemas import SCHEMAS
from pipeline.store.takedown import Takedown


@dataclass(frozen=True)
class WrittenLimits:
    """What the documents stage asks of a text, asked again where lines were cut out of it."""

    min_words: int
    languages: tuple[str, ...]
    min_language_score: float

    def failure(self, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """Why what is left of a page is no document; None where nothing was cut."""
        words, score = values["lines_words"], values["lines_language_score"]
        if words is None:
            return None
        if words < self.min_words:
            return _broken("lines_too_short", words, self.min_words)
        if self.languages and values["lines_language"] not in self.languages:
            return _broken("lines_language", score, None, values["lines_language"])
        if self.languages and score < self.min_language_score:
            return _broken("lines_language_score", score, self.min_language_score)
        return None


def _broken(
    reason: str, value: float, threshold: float | None, detail: str | None = None
) -> dict[str, Any]:
    return {
        "stage": "quality",
        "reason": reason,
        "value": value,
        "threshold": threshold,
        "detail": detail,
    }


@dataclass(frozen=True)
class VerdictUnit:
    """A part of documents with its measurements, and what the links say of it."""

    documents: str
    measurements: str
    #: The scratch table of what links say (`join.py`), within `folder`.
    joined: str
    name: str
    folder: str
    key: str
    written: WrittenLimits
    rules: tuple[Rule, ...]
    takedown: Takedown


def give_verdicts(unit: VerdictUnit) -> list[Part]:
    """Writes the verdicts on one part of documents."""
    done = finished_part(unit.folder, unit.name, unit.key)
    if done is not None:
        return [done]
    texts = {name for rule in unit.rules for name in text_columns(rule.family)}
    columns = sorted({"id", *LINES.names, *texts, *(rule.column for rule in unit.rules)})
    values = {row["id"]: row for row in read_rows(unit.measurements, columns)}
    links = {row["id"]: row for row in read_rows(files.join(unit.folder, unit.joined))}
    with PartWriter(unit.folder, unit.name, SCHEMAS["verdicts"], unit.key) as writer:
        for page in read_rows(unit.documents, ["id", "url", "canonical", "language"]):
            link, measured = links[page["id"]], values[page["id"]]
            failure = (
                _taken_down(unit.takedown, page, link)
                or unit.written.failure(measured)
                or _broken_rule(unit.rules, measured)
                or {"stage": "", "reason": ""}
            )
            language = measured["lines_language"] or page["language"]
            row = {"id": page["id"], "karma": link["karma"], "language": language}
            writer.add([row | failure])
            if failure["reason"]:
                writer.counts.drop(failure["reason"])
            else:
                writer.counts.keep()
    return [writer.finish()]


def _taken_down(
    takedown: Takedown, page: Mapping[str, Any], link: Mapping[str, Any]
) -> dict[str, Any] | None:
    posted = (mention["reddit_id"] for mention in link.get("mentions") or ())
    entry = takedown.entry_for(page["id"], page["url"], posted, page["canonical"])
    return {"stage": "corpus", "reason": "takedown", "detail": entry} if entry else None


def _broken_rule(rules: tuple[Rule, ...], values: Mapping[str, Any]) -> dict[str, Any] | None:
    failure = first_failure(rules, values)
    if failure is None:
        return None
    detail = detail_of(failure.rule.family, values)
    return _broken(failure.rule.reason, failure.value, failure.rule.threshold, detail)
