"""FineWeb's custom measures (Penedo et al. 2024, arXiv 2406.17557, section 3.6).

datatrove divides the characters of repeated lines by those of the text without its line
breaks, and takes a line break for every line but one; so do we, with blank lines left out.
"""

from __future__ import annotations

from pipeline.quality.measure import Limit, Limits, Measure
from pipeline.quality.punctuation import LINE_ENDS
from pipeline.quality.repetition import duplicates
from pipeline.quality.words import Pieces

SHORT_LINE = 30  # characters


class FineWebSettings(Limits):
    """FineWeb's rules, off by default.

    They were chosen on Common Crawl; pages of documentation break them for their lists
    and code.  "published" takes the value for the language of each document: of English from the
    source named here, of the others from FineWeb2.
    Source: Penedo et al. 2024, arXiv 2406.17557, section 3.6.
    """

    min_terminal_lines: Limit = False
    """Least share of lines that end with a mark of punctuation (FineWeb: 0.12)."""
    max_short_lines: Limit = False
    """Greatest share of lines of at most 30 characters (FineWeb: 0.67)."""
    max_duplicate_line_chars: Limit = False
    """Greatest share of characters in repeated lines (FineWeb: 0.01)."""
    max_lines_per_word: Limit = False
    """Most line breaks a word (FineWeb: 0.3)."""


class FineWeb(Measure):
    """Columns and rules of `[quality.fineweb]`."""

    settings = FineWebSettings
    columns = (
        "fineweb_terminal_lines",
        "fineweb_short_lines",
        "fineweb_duplicate_line_chars",
        "fineweb_lines_per_word",
    )
    version = "2"
    rank = 40

    def measure(self, pieces: Pieces) -> dict[str, float]:
        """Of each column its value: shares of lines, of characters, and line breaks per word."""
        lines = pieces.lines
        n = max(len(lines), 1)
        return {
            "fineweb_terminal_lines": sum(line.endswith(LINE_ENDS) for line in lines) / n,
            "fineweb_short_lines": sum(len(line) <= SHORT_LINE for line in lines) / n,
            "fineweb_duplicate_line_chars": duplicates(lines)[1],
            "fineweb_lines_per_word": max(len(lines) - 1, 0) / max(len(pieces.words), 1),
        }
