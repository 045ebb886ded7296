"""Gopher's quality measures (Rae et al. 2021, arXiv 2112.11446, section A.1.1)."""

from __future__ import annotations

from pipeline.quality.measure import Limit, Limits, Measure
from pipeline.quality.published import PUBLISHED, published_values
from pipeline.quality.punctuation import EDGES
from pipeline.quality.words import Pieces

#: Languages whose stop words are looked for anywhere in the text: they stand without spaces, or,
#: in Korean, at the end of words.
_WITHIN_WORDS = frozenset({"ja", "km", "ko", "lo", "my", "th", "yue", "zh"})
_BULLETS = ("•", "-", "*", "‣", "●", "○")


class GopherSettings(Limits):
    """Quality rules of MassiveText.

    "published" is the value for the language of each document: of English from the source named
    here, of the others from FineWeb2.  Source: Rae et al. 2021, arXiv 2112.11446, section A.1.1.
    """

    min_words: Limit = 50
    """Least number of words: what is split by white space, or by characters in scripts without
    spaces, and holds a letter or digit."""
    max_words: Limit = 100_000
    """Most words."""
    min_mean_word_length: Limit = PUBLISHED
    """Least mean length of a word, in characters (English: 3)."""
    max_mean_word_length: Limit = PUBLISHED
    """Greatest mean length of a word, in characters (English: 10)."""
    max_hashes_per_word: Limit = 0.1
    """Most hash signs a word."""
    max_ellipses_per_word: Limit = 0.1
    """Most ellipses a word."""
    max_bullet_lines: Limit = 0.9
    """Greatest share of lines that begin with a bullet."""
    max_ellipsis_lines: Limit = 0.3
    """Greatest share of lines that end with an ellipsis."""
    min_alphabetic_words: Limit = PUBLISHED
    """Least share of words that hold a letter (English: 0.8)."""
    min_stop_words: Limit = PUBLISHED
    """Least number of different stop words of the language, of which English has eight (2)."""


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
    version = "2"
    rank = 10

    def measure(self, pieces: Pieces) -> dict[str, float | None]:
        """A value for each column; fractions lie in [0, 1], an empty text measures 0 throughout.

        Words are counted when they hold a letter or digit.  Without stop words of the language
        their number is None.
        datatrove counts bullets "•" and "-" only and dolma takes the median length;
        Gopher says mean, and does not list the characters.
        """
        words = pieces.counted_words
        bare = [word.strip(EDGES) for word in words]
        n, lines = max(len(words), 1), max(len(pieces.lines), 1)
        alphabetic = sum(word[0].isalpha() or any(map(str.isalpha, word)) for word in words)
        ends = sum(line.endswith(("...", "…")) for line in pieces.lines)
        return {
            "gopher_words": float(len(words)),
            "gopher_mean_word_length": sum(map(len, bare)) / n,
            "gopher_hashes_per_word": pieces.text.count("#") / n,
            "gopher_ellipses_per_word": (pieces.text.count("...") + pieces.text.count("…")) / n,
            "gopher_bullet_lines": sum(x.startswith(_BULLETS) for x in pieces.lines) / lines,
            "gopher_ellipsis_lines": ends / lines,
            "gopher_alphabetic_words": alphabetic / n,
            "gopher_stop_words": _stop_words(pieces, bare),
        }


def _stop_words(pieces: Pieces, words: list[str]) -> float | None:
    """How many different stop words of its language a text has."""
    values = published_values().get(pieces.language)
    if values is None:
        return None
    if pieces.language in _WITHIN_WORDS:
        return float(sum(word in pieces.text for word in values.stop_words))
    return float(len(values.stop_words.intersection(map(str.lower, words))))
