"""Settings of the quality and corpus stages: a section for each measure, and the order of rules.

Thresholds change decisions only; what is measured depends on the measures there are, their
versions, and the evaluation sets and models that their sections name (`MeasureSettings`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, SerializeAsAny, model_validator

from pipeline.quality.measure import MEASURES, Limits, measures
from pipeline.quality.published import ENGLISH, PUBLISHED, threshold_in
from pipeline.quality.scorers.settings import EnsembleSettings, ScorerSettings
from pipeline.store.registry import nearest
from pipeline.store.settings import OpenSettings, Settings
from pipeline.store.takedown import TakedownSettings

#: The name of the takedown list among the inputs of the stage.
TAKEDOWN = "takedown list"
#: Of a scorer or an ensemble: part of the names of columns and reasons.
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class HostLineSettings(Settings):
    """Lines that repeat across a host: left out before anything is measured.

    The defaults are this project's own: docs/quality.md says what they remove and leave.
    """

    enabled: bool = True
    """Whether such lines are left out."""

    share: float = Field(0.3, gt=0.0, le=1.0)
    """A line on more than this share of a host's pages is boilerplate."""

    pages: int = Field(10, ge=2)
    """Different pages a host must have in the interval before anything is said of its lines."""

    words: int = Field(4, ge=1)
    """Words a line must have; shorter ones are headings as often as boilerplate."""

    characters: int = Field(8, ge=1)
    """Or characters of a script without spaces: a Chinese word has one or two."""

    most: float = Field(0.5, gt=0.0, lt=1.0)
    """Most of a page's characters that may go; a page of which it were more stays as it is.  Pages
    that share more than this of each other count as one where lines are counted."""


class RulesSettings(Settings):
    """The order of the rules, and for which languages they may be left out."""

    order: tuple[str, ...] = ()
    """Families or single rules (`gopher_min_words`) that come first; then all others.  The first
    that a document breaks is the reason it is dropped."""

    any_language: bool = False
    """Whether documents.languages may name languages for which no values are published: rules that
    need a language are not applied to their documents."""


class MeasureSettings(Settings):
    """What decides the measurements: cut lines, and the settings of each measure, all thresholds
    aside."""

    host_lines: HostLineSettings = HostLineSettings()
    """Lines that are cut out of the texts before."""
    measures: dict[str, SerializeAsAny[Limits]] = Field(default_factory=dict)
    """The settings of each measure, by its name."""
    scorers: dict[str, ScorerSettings] = Field(default_factory=dict)
    """Those of each scorer."""
    ensembles: dict[str, EnsembleSettings] = Field(default_factory=dict)
    """Those of each ensemble."""

    def identity(self) -> dict[str, Any]:
        """Of each measure its version, columns and settings: with another one all is measured."""
        scored = {
            section: {name: one.deciding() for name, one in of.items()}
            for section, of in (("scorers", self.scorers), ("ensembles", self.ensembles))
            if of
        }
        measures = {name: self._of(name) for name in self.measures}
        return {"host_lines": self.host_lines.identity(), "measures": measures, **scored}

    def _of(self, name: str) -> dict[str, Any]:
        measure, limits = MEASURES.get(name), self.measures[name]
        identity, others = limits.identity(), {*limits.limits(), *limits.editing}
        settings = {key: value for key, value in identity.items() if key not in others}
        return settings | {"version": measure.version, "columns": list(measure.columns)}

    def files(self) -> dict[str, str]:
        """Files that measures and ensembles read, {what it is: path}."""
        files = {
            what: path
            for name, limits in self.measures.items()
            for what, path in MEASURES.get(name).files(limits).items()
        }
        return files | {f"quantiles of {name}": e.quantiles for name, e in self.ensembles.items()}


class QualitySettings(OpenSettings):
    """The `[quality]` section of a recipe."""

    host_lines: HostLineSettings = HostLineSettings()
    """Boilerplate of whole hosts."""
    scorers: dict[str, ScorerSettings] = Field(default_factory=dict)
    """Classifiers of others: a section `[quality.scorers.NAME]` for each."""
    ensembles: dict[str, EnsembleSettings] = Field(default_factory=dict)
    """Scorers joined by their ranks: a section `[quality.ensembles.NAME]` for each."""
    rules: RulesSettings = RulesSettings()
    """The order of the rules."""
    takedown: TakedownSettings = TakedownSettings()
    """Pages that must not be in the corpus."""

    @classmethod
    def sections(cls) -> Mapping[str, type[Settings]]:
        """One for each measure, in the order of their rules."""
        return {name: measure.settings for name, measure in measures().items()}

    def measures(self) -> dict[str, Limits]:
        """The settings of each measure, by name, in the order of their rules."""
        return {name: getattr(self, name) for name in self.sections()}

    def families(self) -> dict[str, Limits]:
        """All sections with thresholds, in the order of their rules: measures, then scorers."""
        scorers = {f"scorers_{name}": one for name, one in self.scorers.items()}
        return {
            **self.measures(),
            **scorers,
            **{f"ensembles_{name}": one for name, one in self.ensembles.items()},
        }

    def measured(self) -> MeasureSettings:
        """The part that decides what is measured."""
        return MeasureSettings(
            host_lines=self.host_lines,
            measures={name: limits.measured() for name, limits in self.measures().items()},
            scorers={name: one.measured() for name, one in self.scorers.items()},
            ensembles={name: one.measured() for name, one in self.ensembles.items()},
        )

    @model_validator(mode="after")
    def _published_rules(self) -> Self:
        for family, limits in self.families().items():
            for name in limits.limits():
                is_published = getattr(limits, name) == PUBLISHED
                if is_published and threshold_in(ENGLISH, f"{family}_{name}") is None:
                    raise ValueError(
                        f"{family}.{name} = {PUBLISHED!r}: no values are published for this rule; "
                        "give a number, or false"
                    )
        return self

    @model_validator(mode="after")
    def _known_scorers(self) -> Self:
        for section, names in (("scorers", self.scorers), ("ensembles", self.ensembles)):
            if wrong := [name for name in names if not _NAME.fullmatch(name)]:
                raise ValueError(
                    f"{section}.{wrong[0]}: a name is small letters, digits and _, a letter first"
                )
        for name, ensemble in self.ensembles.items():
            for scorer in ensemble.scorers:
                if scorer not in self.scorers:
                    hint = nearest(scorer, self.scorers)
                    raise ValueError(f"ensembles.{name}: no scorer is named {scorer!r}{hint}")
        return self

    @model_validator(mode="after")
    def _known_rules(self) -> Self:
        families = self.families()
        names = {*families}
        names |= {f"{family}_{rule}" for family in families for rule in families[family].limits()}
        for name in self.rules.order:
            if name not in names:
                raise ValueError(f"rules.order names no rule {name!r}{nearest(name, names)}")
        return self


class VerdictSettings(Settings):
    """What decides the verdicts: the whole section, and what the measures are by themselves."""

    quality: QualitySettings
    measured: MeasureSettings
