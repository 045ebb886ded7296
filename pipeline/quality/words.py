"""A document taken apart once, for all measures: lines, paragraphs, words and tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from pipeline.store.unspaced import split_words

_PARAGRAPHS = re.compile(r"\n{2,}")
_TOKEN = re.compile(r"\w+")


@dataclass(frozen=True)
class Pieces:
    """The parts of a text.  Blank lines are no lines: they are no repetition either."""

    text: str
    words: list[str]  # by white space, as Gopher counts them; by characters where there is none
    lines: list[str]  # stripped, not empty
    paragraphs: list[str]  # stripped, not empty
    tokens: list[str]  # runs of letters and digits in lower case
    id: str = ""  # of the document
    language: str = ""  # ISO 639 code; empty where it is not known

    @cached_property
    def counted_words(self) -> list[str]:
        """The words that hold a letter or a digit."""
        return with_letters(self.words)


def take_apart(text: str, page: str = "", language: str = "") -> Pieces:
    """Splits the text of a document, whose id is `page`."""
    lines = [line.strip() for line in text.splitlines()]
    paragraphs = [part.strip() for part in _PARAGRAPHS.split(text)]
    return Pieces(
        text=text,
        words=split_words(text),
        lines=[line for line in lines if line],
        paragraphs=[part for part in paragraphs if part],
        tokens=tokens_of(text),
        id=page,
        language=language,
    )


def with_letters(parts: Iterable[str]) -> list[str]:
    """Those that hold a letter or a digit, which most tell by their first character; none empty."""
    return [part for part in parts if part[0].isalnum() or any(map(str.isalnum, part))]


def tokens_of(text: str) -> list[str]:
    """Runs of letters, digits and underscores in lower case: no punctuation, no case."""
    return _TOKEN.findall(text.lower())
