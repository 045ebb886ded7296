"""DCLM's line rules, measured (Li et al. 2024, arXiv 2406.11794, after RefinedWeb).

The DCLM baseline removes such lines and drops a page when they held more than 5 %
of its words.  Here the lines stay; each kind is measured as a share of all lines,
and the words in lines of any kind as a share of all words.
"""

from __future__ import annotations

import re

from pipeline.quality.measure import Limit, Limits, Measure
from pipeline.quality.words import Pieces
from pipeline.store.unspaced import count_words

_COUNTER = re.compile(
    r"\W*\d[\d.,]*\s?[kmb]?\s+(likes?|shares?|comments?|retweets?|reposts?|quotes?|bookmarks?|"
    r"upvotes?|downvotes?|downloads?|views?|followers?)\W*",
    re.IGNORECASE,
)
_INTERFACE = re.compile(r"items in cart|read more(\.\.\.|…)|^sign-?in\b", re.IGNORECASE)
_INTERFACE_WORDS = 10  # longer lines are prose that happens to say so
_UPPERCASE = 0.5  # of a line's characters
_MIN_WORDS = 2


class DclmSettings(Limits):
    """DCLM's line rules, off by default.

    A heading or list item of one word counts, so documentation breaks them.  Counters, interfaces
    and removed words are looked for in English texts alone.
    Source: Li et al. 2024, arXiv 2406.11794.
    """

    max_uppercase_lines: Limit = False
    """Greatest share of lines of which more than half are capitals."""
    max_numeric_lines: Limit = False
    """Greatest share of lines of digits alone."""
    max_counter_lines: Limit = False
    """Greatest share of lines such as "3 likes"."""
    max_one_word_lines: Limit = False
    """Greatest share of lines of one word."""
    max_interface_lines: Limit = False
    """Greatest share of lines such as "Read more..."."""
    max_removed_words: Limit = False
    """Greatest share of words in lines of any of these kinds (DCLM: 0.05)."""


class Dclm(Measure):
    """Columns and rules of `[quality.dclm]`."""

    settings = DclmSettings
    columns = (
        "dclm_uppercase_lines",
        "dclm_numeric_lines",
        "dclm_counter_lines",
        "dclm_one_word_lines",
        "dclm_interface_lines",
        "dclm_removed_words",
    )
    english = frozenset({"dclm_counter_lines", "dclm_interface_lines", "dclm_removed_words"})
    version = "2"
    rank = 50

    def measure(self, pieces: Pieces) -> dict[str, float]:
        """A value for each column, all shares in [0, 1]."""
        counts = dict.fromkeys(self.columns, 0.0)
        removed = 0
        for line in pieces.lines:
            words = count_words(line)
            kinds = _kinds(line, words)
            for kind in kinds:
                counts[kind] += 1
            removed += words if kinds else 0
        shares = {name: times / max(len(pieces.lines), 1) for name, times in counts.items()}
        return shares | {"dclm_removed_words": min(removed / max(len(pieces.words), 1), 1.0)}


def _kinds(line: str, words: int) -> list[str]:
    """Which rules a line falls under."""
    kinds = []
    if _is_uppercase(line):
        kinds.append("dclm_uppercase_lines")
    if line.isdigit():
        kinds.append("dclm_numeric_lines")
    if words < _MIN_WORDS:
        kinds.append("dclm_one_word_lines")
    if words <= _INTERFACE_WORDS:
        if _COUNTER.fullmatch(line):
            kinds.append("dclm_counter_lines")
        if _INTERFACE.search(line):
            kinds.append("dclm_interface_lines")
    return kinds


def _is_uppercase(line: str) -> bool:
    """More than half of the characters are capitals; most lines are told by their first ones."""
    if line.islower():
        return False
    return sum(map(str.isupper, line)) > _UPPERCASE * len(line)
