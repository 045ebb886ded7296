"""What a text is made of besides words: symbols, digits, addresses, brackets.

The measures, with other names, and their usual limits are those of NeMo Curator's
heuristic filters (0.25 non-alphanumeric, 0.15 digits, 0.2 addresses, 0.1 brackets).
"""

from __future__ import annotations

import re

from pipeline.quality.words import Pieces

_ADDRESS = re.compile(r"https?://\S+|www\.\S+")
_BRACKETS = "()[]{}"

COLUMNS = ("symbols_non_alphanumeric", "symbols_digits", "symbols_addresses", "symbols_brackets")


def measure(pieces: Pieces) -> dict[str, float]:
    """The values of COLUMNS: shares of the characters that are not white space."""
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
