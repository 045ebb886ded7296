"""The decision: rules over measurements, in order; the first that fails is the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.quality.settings import Limits, QualitySettings


@dataclass(frozen=True)
class Rule:
    """A bound on one column: `reason` names it as `family_setting`."""

    reason: str
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
    """The rules of a recipe: first those that `rules.order` names, then all others.

    Setting `min_NAME` or `max_NAME` of section FAMILY bounds column `FAMILY_NAME`.
    """
    families = settings.families()
    rules = [rule for name, limits in families.items() for rule in _rules_of_family(name, limits)]
    places = {name: place for place, name in enumerate(settings.rules.order)}
    family = {rule.reason: name for name in families for rule in rules if _is_of(rule, name)}

    def place(rule: Rule) -> int:
        """A rule's own place wins over that of its family; the sort is stable."""
        last = len(places)
        return places.get(rule.reason, places.get(family[rule.reason], last))

    return sorted(rules, key=place)


def _is_of(rule: Rule, family: str) -> bool:
    return rule.column.startswith(f"{family}_")


def _rules_of_family(family: str, limits: Limits) -> list[Rule]:
    rules = []
    for name in limits.limits():
        threshold = getattr(limits, name)
        if threshold is not False:
            bound, _, column = name.partition("_")
            rules.append(
                Rule(f"{family}_{name}", f"{family}_{column}", bound == "min", float(threshold))
            )
    return rules


def first_failure(rules: Sequence[Rule], values: Mapping[str, Any]) -> Failure | None:
    """The first rule that the values break; None when all hold."""
    for rule in rules:
        value = values[rule.column]
        if rule.broken_by(value):
            return Failure(rule, value)
    return None
