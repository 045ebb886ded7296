"""Gopher's repetition measures (Rae et al. 2021, arXiv 2112.11446, section A.1.1, table A1).

Known quirks of other code are not repeated.  A top n-gram must occur twice to count
(datatrove takes one that occurs once, so a short text without repetition is
dropped); n-grams are compared as sequences of words (datatrove joins the words, so
"ab c" equals "a bc"); blank lines are no duplicates.  Neither are lines and words without
a letter or digit: closing brackets of code, rules of a drawing, bars between the cells of a
table, which extraction itself puts there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.quality.measure import Limit, Limits, Measure
from pipeline.quality.published import PUBLISHED
from pipeline.quality.words import Pieces, with_letters

TOP_SIZES = (2, 3, 4)
DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)

Numbers = npt.NDArray[np.int64]


class Grams(NamedTuple):
    """The n-grams of a text: exact numbers in its order; of each number where it is first, and how
    often it is there."""

    numbers: Numbers
    first: Numbers
    times: Numbers


class RepetitionSettings(Limits):
    """Repetition rules of MassiveText.

    "published" is the value for the language of each document: of English from the source named
    here (in brackets), of the others from FineWeb2.
    Source: Rae et al. 2021, arXiv 2112.11446, table A1.
    """

    max_duplicate_lines: Limit = PUBLISHED
    """Greatest share of lines that repeat an earlier one (0.3)."""
    max_duplicate_paragraphs: Limit = 0.30
    """Greatest share of paragraphs that repeat an earlier one."""
    max_duplicate_line_chars: Limit = 0.20
    """Greatest share of the lines' characters that are in repeated ones."""
    max_duplicate_paragraph_chars: Limit = 0.20
    """Greatest share of the paragraphs' characters that are in repeated ones."""
    max_top_2_gram: Limit = PUBLISHED
    """Greatest share of characters in the most frequent 2-gram of words, if it occurs twice
    (0.2)."""
    max_top_3_gram: Limit = PUBLISHED
    """Greatest share of characters in the most frequent 3-gram of words, if it occurs twice
    (0.18)."""
    max_top_4_gram: Limit = PUBLISHED
    """Greatest share of characters in the most frequent 4-gram of words, if it occurs twice
    (0.16)."""
    max_duplicate_5_gram: Limit = PUBLISHED
    """Greatest share of characters in 5-grams of words that occurred before (0.15)."""
    max_duplicate_6_gram: Limit = PUBLISHED
    """Greatest share of characters in 6-grams of words that occurred before (0.14)."""
    max_duplicate_7_gram: Limit = PUBLISHED
    """Greatest share of characters in 7-grams of words that occurred before (0.13)."""
    max_duplicate_8_gram: Limit = PUBLISHED
    """Greatest share of characters in 8-grams of words that occurred before (0.12)."""
    max_duplicate_9_gram: Limit = PUBLISHED
    """Greatest share of characters in 9-grams of words that occurred before (0.11)."""
    max_duplicate_10_gram: Limit = PUBLISHED
    """Greatest share of characters in 10-grams of words that occurred before (0.1)."""


class Repetition(Measure):
    """Columns and rules of `[quality.repetition]`."""

    settings = RepetitionSettings
    columns = (
        "repetition_duplicate_lines",
        "repetition_duplicate_paragraphs",
        "repetition_duplicate_line_chars",
        "repetition_duplicate_paragraph_chars",
        *(f"repetition_top_{n}_gram" for n in TOP_SIZES),
        *(f"repetition_duplicate_{n}_gram" for n in DUPLICATE_SIZES),
    )
    version = "2"
    rank = 20

    def measure(self, pieces: Pieces) -> dict[str, float]:
        """Of each column its value: fractions of lines, paragraphs or characters, in [0, 1]."""
        values = dict.fromkeys(self.columns, 0.0)
        for name, parts in (("line", pieces.lines), ("paragraph", pieces.paragraphs)):
            share, chars = duplicates(with_letters(parts))
            values[f"repetition_duplicate_{name}s"] = share
            values[f"repetition_duplicate_{name}_chars"] = chars
        numbers, lengths = _numbered(pieces.counted_words)
        total = max(int(lengths.sum()), 1)
        grams = Grams(numbers, numbers, numbers)
        for n in range(2, max(DUPLICATE_SIZES) + 1):
            grams = _longer(grams, numbers, n)
            if len(grams.first) == len(grams.numbers):
                break  # none occurs twice, so no longer one does
            if n in TOP_SIZES:
                values[f"repetition_top_{n}_gram"] = _top(grams, lengths, n) / total
            if n in DUPLICATE_SIZES:
                values[f"repetition_duplicate_{n}_gram"] = _repeated(grams, lengths, n) / total
        return values


def duplicates(parts: Sequence[str]) -> tuple[float, float]:
    """(share of parts, share of their characters) that repeat an earlier part."""
    seen = Counter(parts)
    repeats = len(parts) - len(seen)
    chars = sum(len(part) * (times - 1) for part, times in seen.items())
    return repeats / max(len(parts), 1), chars / max(sum(map(len, parts)), 1)


def _numbered(words: Sequence[str]) -> tuple[Numbers, Numbers]:
    """Each word as the number of its first appearance, and its length in characters."""
    numbers: dict[str, int] = {}
    ids = np.array([numbers.setdefault(word, len(numbers)) for word in words], dtype=np.int64)
    return ids, np.array([len(word) for word in words], dtype=np.int64)


def _longer(grams: Grams, words: Numbers, n: int) -> Grams:
    """All n-grams, from the (n-1)-grams: pairs of these and the next word are numbered anew."""
    count = max(len(words) - n + 1, 0)
    pairs = grams.numbers[:count] * (len(words) + 1) + words[n - 1 :]
    _, first, numbers, times = np.unique(
        pairs, return_index=True, return_inverse=True, return_counts=True
    )
    return Grams(numbers.astype(np.int64), first, times)


def _top(grams: Grams, lengths: Numbers, n: int) -> int:
    """Characters of all occurrences of the most frequent n-gram; of several the longest counts."""
    chars = _gram_lengths(lengths, n)[grams.first] * grams.times
    return int(chars[grams.times == grams.times.max()].max())


def _repeated(grams: Grams, lengths: Numbers, n: int) -> int:
    """Characters inside n-grams that occurred before, each character counted once."""
    repeats = np.ones(len(grams.numbers), dtype=bool)
    repeats[grams.first] = False
    covered = np.zeros(len(lengths) + 1, dtype=np.int64)
    starts = np.flatnonzero(repeats)
    np.add.at(covered, starts, 1)
    np.add.at(covered, starts + n, -1)
    return int(lengths[np.cumsum(covered[:-1]) > 0].sum())


def _gram_lengths(lengths: Numbers, n: int) -> Numbers:
    sums = np.concatenate([[0], np.cumsum(lengths)])
    return np.asarray(sums[n:] - sums[:-n], dtype=np.int64)
