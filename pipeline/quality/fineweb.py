"""FineWeb's custom measures (Penedo et al. 2024, arXiv 2406.17557, section 3.6).

datatrove divides the characters of repeated lines by those of the text without its line
breaks, and takes a line break for every line but one; so do we, with blank lines left out.
"""

from __future__ import annotations

from pipeline.quality.repetition import duplicates
from pipeline.quality.words import Pieces

_TERMINAL = (".", "!", "?", '"', "'", "”", "’", "…", "。", "！", "？")
SHORT_LINE = 30  # characters

COLUMNS = (
    "fineweb_terminal_lines",
    "fineweb_short_lines",
    "fineweb_duplicate_line_chars",
    "fineweb_lines_per_word",
)


def measure(pieces: Pieces) -> dict[str, float]:
    """The values of COLUMNS: shares of lines, of characters, and line breaks per word."""
    lines = pieces.lines
    n = max(len(lines), 1)
    return {
        "fineweb_terminal_lines": sum(line.endswith(_TERMINAL) for line in lines) / n,
        "fineweb_short_lines": sum(len(line) <= SHORT_LINE for line in lines) / n,
        "fineweb_duplicate_line_chars": duplicates(lines)[1],
        "fineweb_lines_per_word": max(len(lines) - 1, 0) / max(len(pieces.words), 1),
    }
