"""What a search asks for: words and "phrases in quotes", and where a text has them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.store.unspaced import is_unspaced

_TERM = re.compile(r'"([^"]+)"?|(\S+)')
_AROUND = 110  # characters of a snippet before and after its first match
_MOST_TERMS = 12


@dataclass(frozen=True)
class Term:
    """A word or a phrase."""

    text: str

    @property
    def fts5(self) -> str:
        """As SQLite's FTS5 writes a phrase."""
        return '"' + self.text.replace('"', '""') + '"'

    @property
    def is_unspaced(self) -> bool:
        """Whether it is of a script without spaces, of which an index has no words."""
        return any(is_unspaced(character) for character in self.text)


class TextPiece(NamedTuple):
    """Some characters of a text, and whether they are what was asked for."""

    text: str
    marked: bool


def read_terms(asked: str) -> list[Term]:
    """The terms of a search, at most twelve; what has no letter or digit is left out."""
    texts = (phrase or word for phrase, word in _TERM.findall(asked))
    terms = [Term(text.strip()) for text in texts if any(c.isalnum() for c in text)]
    return list(dict.fromkeys(terms))[:_MOST_TERMS]


def mark(text: str, terms: Sequence[Term]) -> list[TextPiece]:
    """A text in pieces, its matches marked."""
    if not terms:
        return [TextPiece(text, False)]
    longest = sorted((re.escape(term.text) for term in terms), key=len, reverse=True)
    pieces, end = [], 0
    for match in re.finditer("|".join(longest), text, re.IGNORECASE):
        if match.start() > end:
            pieces.append(TextPiece(text[end : match.start()], False))
        pieces.append(TextPiece(match[0], True))
        end = match.end()
    return [*pieces, TextPiece(text[end:], False)] if end < len(text) else pieces


def snippet(text: str, terms: Sequence[Term]) -> list[TextPiece]:
    """The part of a text around its first match, else its beginning, on one line."""
    first = next((len(p.text) for p in mark(text, terms)[:1] if not p.marked), 0) if terms else 0
    first = 0 if first == len(text) else first
    start = max(0, first - _AROUND)
    cut = " ".join(text[start : first + 2 * _AROUND].split())
    before = "… " if start else ""
    after = " …" if first + 2 * _AROUND < len(text) else ""
    return mark(f"{before}{cut}{after}", terms)
