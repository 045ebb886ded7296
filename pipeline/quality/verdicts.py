"""Units of one part of documents: which may be in the corpus, by takedown list and by rules.

Verdicts come before duplicates, so that no page is removed for one that is not in the corpus.
They read measurements only, and no text: another threshold costs seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pipeline.quality.decide import Rule, first_failure, rules_language, rules_of
from pipeline.quality.measure import detail_of, text_columns
from pipeline.quality.published import ENGLISH
from pipeline.quality.settings import QualitySettings
from pipeline.quality.tables import LINES
from pipeline.store import files
from pipeline.store.parquet import read_rows
from pipeline.store.parts import Part, PartWriter, finished_part
from pipeline.store.schemas import SCHEMAS
from pipeline.store.takedown import Takedown

#: Counts the documents in languages for which no values are published.
WITHOUT_RULES = "without_language_rules"


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
    settings: QualitySettings
    takedown: Takedown


def give_verdicts(unit: VerdictUnit) -> list[Part]:
    """Writes the verdicts on one part of documents."""
    done = finished_part(unit.folder, unit.name, unit.key)
    if done is not None:
        return [done]
    rules_in = cache(lambda language: rules_of(unit.settings, language))
    values = {row["id"]: row for row in read_rows(unit.measurements, _columns(rules_in(ENGLISH)))}
    links = {row["id"]: row for row in read_rows(files.join(unit.folder, unit.joined))}
    with PartWriter(unit.folder, unit.name, SCHEMAS["verdicts"], unit.key) as writer:
        writer.extra[WITHOUT_RULES] = 0
        for page in read_rows(unit.documents, ["id", "url", "canonical", "language"]):
            link, measured = links[page["id"]], values[page["id"]]
            language = measured["lines_language"] or page["language"]
            failure = (
                _taken_down(unit.takedown, page, link)
                or unit.written.failure(measured)
                or _broken_rule(rules_in(language), measured)
                or {"stage": "", "reason": ""}
            )
            rules = rules_language(language)
            row = {"id": page["id"], "karma": link["karma"], "language": language, "rules": rules}
            writer.add([row | failure])
            writer.extra[WITHOUT_RULES] += not rules
            if failure["reason"]:
                writer.counts.drop(failure["reason"])
            else:
                writer.counts.keep()
    return [writer.finish()]


def _columns(rules: Sequence[Rule]) -> list[str]:
    """The columns that verdicts read; of all languages English has the most rules."""
    texts = {name for rule in rules for name in text_columns(rule.family)}
    return sorted({"id", *LINES.names, *texts, *(rule.column for rule in rules)})


def _taken_down(
    takedown: Takedown, page: Mapping[str, Any], link: Mapping[str, Any]
) -> dict[str, Any] | None:
    posted = (mention["reddit_id"] for mention in link.get("mentions") or ())
    entry = takedown.entry_for(page["id"], page["url"], posted, page["canonical"])
    return {"stage": "corpus", "reason": "takedown", "detail": entry} if entry else None


def _broken_rule(rules: Sequence[Rule], values: Mapping[str, Any]) -> dict[str, Any] | None:
    failure = first_failure(rules, values)
    if failure is None:
        return None
    detail = detail_of(failure.rule.family, values)
    return _broken(failure.rule.reason, failure.value, failure.rule.threshold, detail)
