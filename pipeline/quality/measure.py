"""What the quality stage asks of a measure, and its registry `webtext.measures`.

A measure is a family of numbers about a text, each a column, and the rules over them: a setting
`min_NAME` or `max_NAME` of its section `[quality.FAMILY]` bounds column `FAMILY_NAME`, where
FAMILY is the measure's name in the registry.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from pipeline.quality.words import Pieces
from pipeline.store.errors import WebtextError
from pipeline.store.registry import Registry
from pipeline.store.settings import Settings

#: A threshold; false for a rule that is off; or the value published for the language of each
#: document (`published.py`).
Limit = float | bool | Literal["published"]


class Limits(Settings):
    """The settings of a measure: thresholds, and what else it must be told."""

    #: Keys that are no threshold and change no measurement either, but the text that is accepted.
    editing: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def limits(cls) -> list[str]:
        """The names of the settings that are thresholds."""
        return [name for name in cls.model_fields if name.startswith(("min_", "max_"))]

    def measured(self) -> Self:
        """The settings that decide what is measured, all others at their defaults."""
        others = {*self.limits(), *self.editing}
        kept = {name: getattr(self, name) for name in type(self).model_fields if name not in others}
        return type(self).model_validate(kept)

    @model_validator(mode="after")
    def _thresholds(self) -> Self:
        for name in self.limits():
            if getattr(self, name) is True:
                raise ValueError(f"{name} = true is no threshold; give a number, or false")
        return self

    def need_model(self, model: str | None) -> None:
        """Raises ValueError where a threshold is set and no `model` is named."""
        on = [name for name in self.limits() if getattr(self, name) is not False]
        if on and model is None:
            raise ValueError(f"{on[0]} needs a model: set `model` to the file that training wrote")


class Measure(ABC):
    """A family of measurements.  An object of it serves one process, for any number of texts."""

    #: Its thresholds, the section `[quality.FAMILY]`.
    settings: ClassVar[type[Limits]] = Limits
    #: The columns that it gives, all numbers but those that are named in `texts` as well.
    columns: ClassVar[tuple[str, ...]]
    texts: ClassVar[frozenset[str]] = frozenset()
    #: Columns that say something of English texts alone: null for all others.
    english: ClassVar[frozenset[str]] = frozenset()
    #: Raised by hand when the class gives other values for the same text.
    version: ClassVar[str] = "1"
    #: Rules of a lower rank are asked before those of a higher one, where a recipe says nothing.
    rank: ClassVar[int] = 1_000
    #: Whether `edit` changes texts.
    edits: ClassVar[bool] = False

    def __init__(self, settings: Limits) -> None:
        """`settings` are of the class's own `settings`; subclasses read models and lists here."""
        self.limits = settings

    @abstractmethod
    def measure(self, pieces: Pieces) -> Mapping[str, float | str | None]:
        """A value for each column; None where there is nothing to measure with."""

    @classmethod
    def files(cls, settings: Any) -> dict[str, str]:
        """Files that the settings name, {what it is: path}: their content decides as well."""
        return {}

    @classmethod
    def detail(cls, values: Mapping[str, Any]) -> str | None:
        """More on why a document broke a rule of this measure, from its own columns."""
        return None

    def edit(self, text: str) -> str:
        """The text as it goes into the corpus, for measures that change accepted texts."""
        return text


MEASURES = Registry("webtext.measures", Measure, "measure")  # type: ignore[type-abstract]


def measures() -> dict[str, type[Measure]]:
    """All measures by name, in the order of their rules.

    Raises WebtextError for a measure with a rule over no column, or two with one column.
    """
    ordered = sorted(MEASURES.classes().items(), key=lambda item: (item[1].rank, item[0]))
    owners: dict[str, str] = {}
    for family, measure in ordered:
        for column in measure.columns:
            if owners.setdefault(column, family) != family:
                raise WebtextError(
                    f"Measures {owners[column]} and {family} both have a column {column}",
                    "Uninstall one of them, or begin its columns with its own name",
                )
        for name in measure.settings.limits():
            if column_of(family, name) not in measure.columns:
                raise WebtextError(
                    f"Measure {family}: setting {name} bounds a column {column_of(family, name)}, "
                    f"which it does not have",
                    f"Its columns are {', '.join(measure.columns)}",
                )
    return dict(ordered)


def text_columns(family: str) -> frozenset[str]:
    """Columns of texts that tell more on a broken rule of a family; scorers have none."""
    return MEASURES.get(family).texts if family in MEASURES.names() else frozenset()


def detail_of(family: str, values: Mapping[str, Any]) -> str | None:
    """More on why a document broke a rule of a family; nothing of scorers."""
    return MEASURES.get(family).detail(values) if family in MEASURES.names() else None


def column_of(family: str, limit: str) -> str:
    """The column that setting `limit` (`min_NAME` or `max_NAME`) of a measure bounds."""
    return f"{family}_{limit.partition('_')[2]}"
