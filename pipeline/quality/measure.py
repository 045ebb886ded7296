"""All measures of a document, one column each.  A new measure is one line here."""

from __future__ import annotations

import pyarrow as pa

from pipeline.quality import c4, gopher, repetition
from pipeline.quality.words import take_apart

MEASURES = (gopher, repetition, c4)

SCHEMA = pa.schema(
    [("id", pa.string())]
    + [(column, pa.float64()) for measures in MEASURES for column in measures.COLUMNS]
)


def measure(text: str) -> dict[str, float]:
    """{column: value} of all measures."""
    pieces = take_apart(text)
    found: dict[str, float] = {}
    for measures in MEASURES:
        found |= measures.measure(pieces)
    return found
