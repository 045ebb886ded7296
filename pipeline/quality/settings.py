"""Settings of the quality and corpus stages: a section for each measure, and the order of rules.

Thresholds change decisions only; what is measured depends on the measures there are, their
versions, and the evaluation sets and models that their sections name (`MeasureSettings`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, SerializeAsAny, model_validator

from pipeline.quality.measure import MEASURES, Limits, measures
from pipeline.store.registry import nearest
from pipeline.store.settings import OpenSettings, Settings
from pipeline.store.takedown import TakedownSettings


class RulesSettings(Settings):
    """The order of the rules: the first that a document breaks is the reason it is dropped."""

    order: tuple[str, ...] = ()
    """Families or single rules (`gopher_min_words`) that come first; then all others."""


class MeasureSettings(Settings):
    """What decides the measurements: the settings of each measure, all thresholds aside."""

    measures: dict[str, SerializeAsAny[Limits]] = Field(default_factory=dict)
    """The settings of each measure, by its name."""

    def identity(self) -> dict[str, Any]:
        """Of each measure its version, columns and settings: with another one all is measured."""
        return {"measures": {name: self._of(name) for name in self.measures}}

    def _of(self, name: str) -> dict[str, Any]:
        measure, limits = MEASURES.get(name), self.measures[name]
        identity, others = limits.identity(), {*limits.limits(), *limits.editing}
        settings = {key: value for key, value in identity.items() if key not in others}
        return settings | {"version": measure.version, "columns": list(measure.columns)}

    def files(self) -> dict[str, str]:
        """Files that measures read, {what it is: path}."""
        return {
            what: path
            for name, limits in self.measures.items()
            for what, path in MEASURES.get(name).files(limits).items()
        }


class QualitySettings(OpenSettings):
    """The `[quality]` section of a recipe."""

    rules: RulesSettings = RulesSettings()
    """The order of the rules."""
    takedown: TakedownSettings = TakedownSettings()
    """Pages that must not be in the corpus."""

    @classmethod
    def sections(cls) -> Mapping[str, type[Settings]]:
        """One for each measure, in the order of their rules."""
        return {name: measure.settings for name, measure in measures().items()}

    def families(self) -> dict[str, Limits]:
        """The settings of each measure, by name, in the order of their rules."""
        return {name: getattr(self, name) for name in self.sections()}

    def measured(self) -> MeasureSettings:
        """The part that decides what is measured."""
        families = self.families().items()
        return MeasureSettings(measures={name: limits.measured() for name, limits in families})

    @model_validator(mode="after")
    def _known_rules(self) -> Self:
        families = self.families()
        names = {*families}
        names |= {f"{family}_{rule}" for family in families for rule in families[family].limits()}
        for name in self.rules.order:
            if name not in names:
                raise ValueError(f"rules.order names no rule {name!r}{nearest(name, names)}")
        return self
