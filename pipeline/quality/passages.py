"""Pages without the passages that dedup took out of them, held to the rules once more.

Verdicts are on whole pages, and only pages that pass take part in dedup.  A page that breaks a rule
without its passages keeps them all: so no page leaves the corpus for which others lost something.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

from pipeline.quality.decide import first_failure, rules_of
from pipeline.quality.measure_document import measurer
from pipeline.quality.scorers.quantiles import Ensemble
from pipeline.quality.scorers.score_part import open_scorer, score_row
from pipeline.quality.settings import QualitySettings
from pipeline.quality.tables import measure_left, quality_schema
from pipeline.quality.verdicts import WrittenLimits
from pipeline.store.cuts import Span, joined, read_cuts, without
from pipeline.store.parts import Part, PartWriter, work_key


@dataclass(frozen=True)
class PassageRules:
    """The table of passages of a part of documents, and what its pages must meet without them."""

    passages: str
    written: WrittenLimits
    settings: QualitySettings
    #: The key of each scorer.
    scorers: Mapping[str, str]

    def key(self) -> str:
        """Of all but the table."""
        return work_key(self.written, self.settings.digest(), sorted(self.scorers.items()))


class Left(NamedTuple):
    """What is written of a page; `broken` names the rule for which it keeps its passages."""

    text: str
    language: str
    broken: str = ""


class PassageCuts:
    """Takes passages out of the pages of one part."""

    def __init__(self, rules: PassageRules) -> None:
        self._measures = measurer(rules.settings.measured())
        self._spans = read_cuts([rules.passages])
        self._rules_in = cache(partial(rules_of, rules.settings))
        self._rules = rules
        ensembles = rules.settings.ensembles.items()
        self._ensembles = [Ensemble(name, one, rules.scorers) for name, one in ensembles]
        #: Of each page that lost passages, the measurements of what is written.
        self.measured: list[dict[str, Any]] = []
        self.kept_whole = 0

    def left(self, page: str, text: str, cuts: list[Span], language: str) -> Left:
        """What is written of a page, of whose text `cuts` are left out in any case."""
        whole = Left(without(text, cuts), language)
        spans = self._spans.get(page)
        if not spans:
            return whole
        short = without(text, joined([*cuts, *spans]))
        values = self._measured(page, short)
        failure = self._rules.written.failure(values)
        broken = first_failure(self._rules_in(values["lines_language"]), values)
        if failure or broken:
            self.kept_whole += 1
            reason = failure["reason"] if failure else broken.rule.reason if broken else ""
            return whole._replace(broken=reason)
        self.measured.append(values)
        return Left(short, values["lines_language"])

    def _measured(self, page: str, text: str) -> dict[str, Any]:
        left = measure_left(text)
        measured = self._measures.measure(page, text, left["lines_language"])
        scores = {
            name: open_scorer(one, self._rules.scorers[name]).score([text])[0]
            for name, one in self._rules.settings.scorers.items()
        }
        return measured | left | score_row(scores, self._ensembles)

    def write(self, folder: str, name: str, key: str) -> Part:
        """Writes the measurements."""
        schema = quality_schema(self._rules.settings.measured())
        with PartWriter(folder, name, schema, key) as writer:
            writer.extra = {
                "passages_cut_pages": len(self.measured),
                "passages_left_pages": self.kept_whole,
            }
            writer.add(self.measured)
        return writer.finish()


def measurements_name(part: str) -> str:
    """The table beside a part of the corpus: of pages without passages, what is written."""
    return part.replace("part-", "_measurements-", 1)
