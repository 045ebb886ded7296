"""Stop words and thresholds that are published for each language (`languages.json`).

For English they are those of the rules' papers, for 118 others FineWeb2's (Penedo et al. 2025,
arXiv 2506.20920; github.com/huggingface/fineweb-2, `configs/`, Apache-2.0), which sets them by the
language's own text.  `benchmarks/language_values.py` writes the file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

TABLE = Path(__file__).parent / "languages.json"

#: The value of a threshold that is looked up here, by the language of each document.
PUBLISHED: Literal["published"] = "published"

#: The language for which all rules are made.
ENGLISH = "en"


@dataclass(frozen=True)
class LanguageValues:
    """What is published for one language: its stop words, and thresholds by rule
    (`gopher_max_mean_word_length`)."""

    stop_words: frozenset[str]
    thresholds: dict[str, float]


@cache
def published_values() -> dict[str, LanguageValues]:
    """All languages that there are values for, by ISO 639 code, English first."""
    table = json.loads(TABLE.read_text("utf-8"))
    return {
        language: LanguageValues(frozenset(values.pop("stop_words")), values)
        for language, values in table.items()
    }


def threshold_in(language: str, rule: str) -> float | None:
    """The published threshold of a rule for documents of a language; None where there is none."""
    values = published_values().get(language)
    return None if values is None else values.thresholds.get(rule)
