"""Words of adult and of abusive pages, by two short lists (`adult.txt`, `toxic.txt`).

The lists are the project's own and short on purpose: words that are rare outside such
pages.  C4 dropped a page for a single word of a long list, which removed pages about
health and minorities (Dodge et al. 2021, arXiv 2104.08758); so the share of words is
measured instead, and how many different ones there are.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

from pipeline.quality.measure import Limit, Limits, Measure
from pipeline.quality.words import Pieces

LISTS = ("adult", "toxic")


@cache
def word_list(name: str) -> frozenset[str]:
    """The words of a list; lines with # are comments."""
    text = resources.files("pipeline.quality").joinpath(f"{name}.txt").read_text("utf-8")
    return frozenset(line for line in text.split("\n") if line and not line.startswith("#"))


class LexiconSettings(Limits):
    """Shares of adult or abusive words in English texts; the values were chosen to spare prose."""

    max_adult_words: Limit = 0.02
    """Greatest share of words that are on the list of adult ones."""
    max_adult_different: Limit = False
    """Most different words of that list."""
    max_toxic_words: Limit = 0.02
    """Greatest share of words that are on the list of abusive ones."""
    max_toxic_different: Limit = False
    """Most different words of that list."""


class Lexicon(Measure):
    """Columns and rules of `[quality.lexicon]`."""

    settings = LexiconSettings
    columns = tuple(f"lexicon_{name}_{what}" for name in LISTS for what in ("words", "different"))
    english = frozenset(columns)
    rank = 70

    def measure(self, pieces: Pieces) -> dict[str, float]:
        """Of each column its value: share of tokens in the list, and number of different ones."""
        values: dict[str, float] = {}
        vocabulary = set(pieces.tokens)
        for name in LISTS:
            different = vocabulary & word_list(name)
            times = sum(map(pieces.tokens.count, different))
            values[f"lexicon_{name}_words"] = times / max(len(pieces.tokens), 1)
            values[f"lexicon_{name}_different"] = float(len(different))
        return values
