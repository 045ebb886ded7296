"""The decision: rules over measurements, in order; the first that fails is the reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.quality.measure import Limits, column_of
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

        Without a value (no model was given when it was measured) no rule is broken.
        """
        if value is None:
            return False
        return value < self.threshold if self.is_minimum else value > self.threshold


@dataclass(frozen=True)
class Failure:
    """The rule that a document fails, and the value that failed it."""

    rule: Rule
    value: float


def rules_of(settings: QualitySettings) -> list[Rule]:
    """The rules of a recipe: first those that `rules.order` names, then all others."""
    families = settings.families()
    rules = [rule for name, limits in families.items() for rule in _rules_of_family(name, limits)]
    rank = {name: number for number, name in enumerate(settings.rules.order)}

    def order(rule: Rule) -> int:
        """A rule's own place wins over that of its family; the sort is stable."""
        return rank.get(rule.reason, rank.get(rule.family, len(rank)))

    return sorted(rules, key=order)


def _rules_of_family(family: str, limits: Limits) -> list[Rule]:
    return [
        Rule(
            reason=f"{family}_{name}",
            family=family,
            column=column_of(family, name),
            is_minimum=name.startswith("min_"),
            threshold=float(threshold),
        )
        for name in limits.limits()
        if (threshold := getattr(limits, name)) is not False
    ]


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
