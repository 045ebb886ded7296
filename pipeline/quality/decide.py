"""The decision: rules over measurements, in order; the first that fails is the reason."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.quality.measure import Limits, column_of
from pipeline.quality.published import PUBLISHED, published_values, threshold_in
from pipeline.quality.settings import QualitySettings
from pipeline.store.errors import WebtextError


@dataclass(frozen=True)
class Rule:
    """A bound on one column of a measure: `reason` names it as `family_setting`."""

    reason: str
    family: str
    column: str
    is_minimum: bool
    threshold: float

    def broken_by(self, value: float | None) -> bool:
        """True when the value lies on the wrong side; the threshold itself is right.

        Without a value (there was nothing to measure it with) no rule is broken.
        """
        if value is None:
            return False
        return value < self.threshold if self.is_minimum else value > self.threshold


@dataclass(frozen=True)
class Failure:
    """The rule that a document fails, and the value that failed it."""

    rule: Rule
    value: float


def rules_of(settings: QualitySettings, language: str) -> list[Rule]:
    """The rules of a recipe for documents of a language, in order.

    First come those that `rules.order` names, then all others.  Rules with the published threshold
    are left out where none is published for the language.
    """
    families = settings.families()
    rules = [rule for name in families for rule in _in_family(name, families[name], language)]
    rank = {name: number for number, name in enumerate(settings.rules.order)}

    def order(rule: Rule) -> int:
        """A rule's own place wins over that of its family; the sort is stable."""
        return rank.get(rule.reason, rank.get(rule.family, len(rank)))

    return sorted(rules, key=order)


def _in_family(family: str, limits: Limits, language: str) -> Iterator[Rule]:
    for name in limits.limits():
        reason, limit = f"{family}_{name}", getattr(limits, name)
        threshold = threshold_in(language, reason) if limit == PUBLISHED else limit
        if threshold is not None and threshold is not False:
            is_minimum = name.startswith("min_")
            yield Rule(reason, family, column_of(family, name), is_minimum, float(threshold))


def rules_language(language: str) -> str:
    """The language whose rules hold for documents of `language`; empty where only those hold that
    need none."""
    return language if language in published_values() else ""


def first_failure(rules: Sequence[Rule], values: Mapping[str, Any]) -> Failure | None:
    """The first rule that the values break; None when all hold."""
    for rule in rules:
        value = values[rule.column]
        if rule.broken_by(value):
            return Failure(rule, value)
    return None


def require_measured(rules: Sequence[Rule], columns: Collection[str], where: str) -> None:
    """Raises WebtextError for a rule over a column that was not measured.

    `columns` are those of the measurements, `where` names them.
    """
    for rule in rules:
        if rule.column not in columns:
            raise WebtextError(
                f"{where} was measured without {rule.column}, which {rule.reason} bounds",
                "Build stage quality again: the measure came later",
            )
