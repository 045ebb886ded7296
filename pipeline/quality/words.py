"""A document taken apart once, for all measures: lines, paragraphs and words."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PARAGRAPHS = re.compile(r"\n{2,}")


@dataclass(frozen=True)
class Pieces:
    """The parts of a text.  Blank lines are no lines: they are no repetition either."""

    text: str
    words: list[str]  # by white space, as Gopher counts them
    lines: list[str]  # stripped, not empty
    paragraphs: list[str]  # stripped, not empty


def take_apart(text: str) -> Pieces:
    """Splits a text."""
    lines = [line.strip() for line in text.splitlines()]
    paragraphs = [part.strip() for part in _PARAGRAPHS.split(text)]
    return Pieces(
        text, text.split(), [line for line in lines if line], [p for p in paragraphs if p]
    )
