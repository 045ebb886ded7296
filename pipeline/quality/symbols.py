"""What a text is made of besides words: symbols, digits, addresses, brackets.

The measures, with other names, and their usual limits are those of NeMo Curator's
heuristic filters (0.25 non-alphanumeric, 0.15 digits, 0.2 addresses, 0.1 brackets).
"""

from __future__ import annotations

import re

from pipeline.quality.measure import Limit, Limits, Measure
from pipeline.quality.words import Pieces

_ADDRESS = re.compile(r"https?://\S+|www\.\S+")
_BRACKETS = "()[]{}"


class SymbolsSettings(Limits):
    """Shares of the characters that are not white space.

    Off by default but for addresses: code and tables break the others.
    Source: NeMo Curator's heuristic filters.
    """

    max_non_alphanumeric: Limit = False
    """Greatest share of neither letters nor digits (NeMo Curator: 0.25)."""
    max_digits: Limit = False
    """Greatest share of digits (NeMo Curator: 0.15)."""
    max_addresses: Limit = 0.2
    """Greatest share of characters in addresses of the web."""
    max_brackets: Limit = False
    """Greatest share of brackets (NeMo Curator: 0.1)."""


class Symbols(Measure):
    """Columns and rules of `[quality.symbols]`."""

    settings = SymbolsSettings
    columns = (
        "symbols_non_alphanumeric",
        "symbols_digits",
        "symbols_addresses",
        "symbols_brackets",
    )
    rank = 60

    def measure(self, pieces: Pieces) -> dict[str, float]:
        """Of each column its value: shares of the characters that are not white space."""
        total = max(sum(map(len, pieces.words)), 1)
        underscores = pieces.text.count("_")
        alphanumeric = sum(map(len, pieces.tokens)) - underscores
        digits = sum(pieces.text.count(digit) for digit in "0123456789")
        return {
            "symbols_non_alphanumeric": max(total - alphanumeric, 0) / total,
            "symbols_digits": digits / total,
            "symbols_addresses": sum(map(len, _ADDRESS.findall(pieces.text))) / total,
            "symbols_brackets": sum(map(pieces.text.count, _BRACKETS)) / total,
        }
