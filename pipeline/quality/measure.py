"""All measures of a document, one column each.  A new measure is one line here."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pyarrow as pa

from pipeline.quality import (
    c4,
    classifier,
    contamination,
    dclm,
    fineweb,
    gopher,
    lexicon,
    perplexity,
    pii,
    repetition,
    symbols,
)
from pipeline.quality.settings import MeasureSettings
from pipeline.quality.words import take_apart
from pipeline.store.textfiles import read_set

#: Measures of the text alone.
MEASURES = (gopher, repetition, c4, fineweb, dclm, symbols, lexicon, pii)
#: Measures that need a file of the user's; their columns are null without it.
OTHERS = (contamination, perplexity, classifier)
_TEXTS = {"contamination_set", "contamination_ngram"}

SCHEMA = pa.schema(
    [("id", pa.string())]
    + [
        (column, pa.string() if column in _TEXTS else pa.float64())
        for measures in (*MEASURES, *OTHERS)
        for column in measures.COLUMNS
    ]
)


def measure(text: str) -> dict[str, float]:
    """{column: value} of all measures of the text alone."""
    pieces = take_apart(text)
    found: dict[str, float] = {}
    for measures in MEASURES:
        found |= measures.measure(pieces)
    return found


class Measurer:
    """All measures, with the evaluation sets and models of a recipe read once."""

    def __init__(self, settings: MeasureSettings) -> None:
        texts = {s.name: read_set(s.path, s.fields) for s in settings.sets}
        self._index = contamination.build_index(texts, settings.size)
        self._perplexity = _read(perplexity.Model, settings.perplexity_model)
        self._classifier = _read(classifier.Model, settings.classifier_model)

    def measure(self, page: str, text: str) -> dict[str, Any]:
        """A row of SCHEMA; `page` is the id, from which chance is drawn."""
        pieces = take_apart(text)
        found: dict[str, Any] = {"id": page}
        for measures in MEASURES:
            found |= measures.measure(pieces)
        found |= self._index.measure(pieces)
        found |= perplexity.measure(self._perplexity, pieces)
        return found | classifier.measure(self._classifier, pieces, page)


@lru_cache(maxsize=1)
def measurer(settings: MeasureSettings) -> Measurer:
    """The Measurer of a recipe; a process that measures many parts reads its files once."""
    return Measurer(settings)


def _read(model: Any, path: str | None) -> Any:
    return None if path is None else model.read(path)
