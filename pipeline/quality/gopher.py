"""Gopher's quality measures (Rae et al. 2021, arXiv 2112.11446, section A.1.1)."""

from __future__ import annotations

from pipeline.quality.measure import Limit, Limits, Measure
from pipeline.quality.words import Pieces

#: Gopher's stop words; two different ones must be there.
STOP_WORDS = frozenset({"the", "be", "to", "of", "and", "that", "have", "with"})
_BULLETS = ("•", "-", "*", "‣", "●", "○")
_EDGES = ".,;:!?\"'()[]{}<>«»“”‘’`*_"


class GopherSettings(Limits):
    """Quality rules of MassiveText.

    Source: Rae et al. 2021, arXiv 2112.11446, section A.1.1.
    """

    min_words: Limit = 50
    """Least number of words: what is split by white space and holds a letter or digit."""
    max_words: Limit = 100_000
    """Most words."""
    min_mean_word_length: Limit = 3
    """Least mean length of a word, in characters."""
    max_mean_word_length: Limit = 10
    """Greatest mean length of a word, in characters."""
    max_hashes_per_word: Limit = 0.1
    """Most hash signs a word."""
    max_ellipses_per_word: Limit = 0.1
    """Most ellipses a word."""
    max_bullet_lines: Limit = 0.9
    """Greatest share of lines that begin with a bullet."""
    max_ellipsis_lines: Limit = 0.3
    """Greatest share of lines that end with an ellipsis."""
    min_alphabetic_words: Limit = 0.8
    """Least share of words that hold a letter."""
    min_stop_words: Limit = 2
    """Least number of different ones of eight English stop words."""


class Gopher(Measure):
    """Columns and rules of `[quality.gopher]`."""

    settings = GopherSettings
    columns = (
        "gopher_words",
        "gopher_mean_word_length",
        "gopher_hashes_per_word",
        "gopher_ellipses_per_word",
        "gopher_bullet_lines",
        "gopher_ellipsis_lines",
        "gopher_alphabetic_words",
        "gopher_stop_words",
    )
    rank = 10

    def measure(self, pieces: Pieces) -> dict[str, float]:
        """A value for each column; fractions lie in [0, 1], an empty text measures 0 throughout.

        Words are split by white space and counted when they hold a letter or digit.
        datatrove counts bullets "•" and "-" only and dolma takes the median length;
        Gopher says mean, and does not list the characters.
        """
        words = [word for word in pieces.words if any(map(str.isalnum, word))]
        bare = [word.strip(_EDGES) for word in words]
        n, lines = max(len(words), 1), max(len(pieces.lines), 1)
        ends = sum(line.endswith(("...", "…")) for line in pieces.lines)
        return {
            "gopher_words": float(len(words)),
            "gopher_mean_word_length": sum(map(len, bare)) / n,
            "gopher_hashes_per_word": pieces.text.count("#") / n,
            "gopher_ellipses_per_word": (pieces.text.count("...") + pieces.text.count("…")) / n,
            "gopher_bullet_lines": sum(x.startswith(_BULLETS) for x in pieces.lines) / lines,
            "gopher_ellipsis_lines": ends / lines,
            "gopher_alphabetic_words": sum(any(map(str.isalpha, word)) for word in words) / n,
            "gopher_stop_words": float(len(STOP_WORDS.intersection(map(str.lower, bare)))),
        }
