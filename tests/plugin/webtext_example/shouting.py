"""A measure: texts in capitals."""

from __future__ import annotations

from pipeline.quality.measure import Limit, Limits, Measure
from pipeline.quality.words import Pieces


class ShoutingSettings(Limits):
    """Texts in capitals."""

    max_capitals: Limit = 0.3
    """Greatest share of capitals among the letters (of English prose some 0.04)."""


class Shouting(Measure):
    """Columns and rules of `[quality.shouting]`."""

    settings = ShoutingSettings
    columns = ("shouting_capitals",)

    def measure(self, pieces: Pieces) -> dict[str, float]:
        """The share of letters that are capitals; 0 without letters."""
        letters = sum(map(str.isalpha, pieces.text))
        return {"shouting_capitals": sum(map(str.isupper, pieces.text)) / max(letters, 1)}
