"""The decision: rules over measurements, in order; the first that fails is the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.quality.settings import QualitySettings
from pipeline.settings import Settings


@dataclass(frozen=True)
class Rule:
    """A bound on one column: `reason` names it as `family_setting`."""

    reason: str
    column: str
    is_minimum: bool
    threshold: float

    def broken_by(self, value: float) -> bool:
        """True when the value lies on the wrong side; the threshold itself is right."""
        return value < self.threshold if self.is_minimum else value > self.threshold


@dataclass(frozen=True)
class Failure:
    """The rule that a document fails, and the value that failed it."""

    rule: Rule
    value: float


def rules_of(settings: QualitySettings) -> list[Rule]:
    """The rules of a recipe, in the order of its sections and settings.

    Setting `min_NAME` or `max_NAME` of section FAMILY bounds column `FAMILY_NAME`.
    """
    rules: list[Rule] = []
    for family in type(settings).model_fields:
        section = getattr(settings, family)
        rules += _section_rules(family, section)
    return rules


def _section_rules(family: str, section: Settings) -> list[Rule]:
    rules = []
    for name in type(section).model_fields:
        threshold = getattr(section, name)
        if threshold is not False:
            bound, _, column = name.partition("_")
            rules.append(
                Rule(f"{family}_{name}", f"{family}_{column}", bound == "min", float(threshold))
            )
    return rules


def first_failure(rules: Sequence[Rule], values: Mapping[str, float]) -> Failure | None:
    """The first rule that the values break; None when all hold."""
    for rule in rules:
        value = values[rule.column]
        if rule.broken_by(value):
            return Failure(rule, value)
    return None
