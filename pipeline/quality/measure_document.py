"""All measures of a document: one row, a column each."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from pipeline.quality.measure import Measure, measures
from pipeline.quality.published import ENGLISH
from pipeline.quality.settings import MeasureSettings, QualitySettings
from pipeline.quality.words import take_apart
from pipeline.store.errors import WebtextError


def measurement_schema() -> pa.Schema:
    """The columns of the measurements: the id, then those of all measures."""
    columns = [
        (column, pa.string() if column in measure.texts else pa.float64())
        for measure in measures().values()
        for column in measure.columns
    ]
    return pa.schema([("id", pa.string()), *columns])


class DocumentMeasurer:
    """All measures, with the evaluation sets and models of a recipe read once."""

    def __init__(self, settings: MeasureSettings) -> None:
        self._measures: dict[str, Measure] = {
            family: measure(settings.measures[family]) for family, measure in measures().items()
        }

    def measure(self, page: str, text: str, language: str) -> dict[str, Any]:
        """A row of `measurement_schema`; `page` is the id, from which chance is drawn.

        Raises WebtextError for a measure that gives other columns than it declares.
        """
        pieces = take_apart(text, page, language)
        row: dict[str, Any] = {"id": page}
        for family, measure in self._measures.items():
            values = measure.measure(pieces)
            if values.keys() != set(measure.columns):
                raise WebtextError(
                    f"Measure {family} gives the columns {', '.join(sorted(values))}",
                    f"It must give those it declares: {', '.join(measure.columns)}",
                )
            row |= values
            if language != ENGLISH:
                row |= dict.fromkeys(measure.english)
        return row


#: The measures of the recipe at work, by the digest of its settings: a process that measures many
#: parts reads models and evaluation sets once.
_AT_WORK: dict[str, DocumentMeasurer] = {}


def measurer(settings: MeasureSettings) -> DocumentMeasurer:
    """The measures of a recipe."""
    key = settings.digest()
    if key not in _AT_WORK:
        _AT_WORK.clear()
        _AT_WORK[key] = DocumentMeasurer(settings)
    return _AT_WORK[key]


def measure_text(text: str, language: str = ENGLISH) -> dict[str, Any]:
    """{column: value} of a text by the default settings: with no model and no evaluation set."""
    row = measurer(QualitySettings().measured()).measure("", text, language)
    del row["id"]
    return row
