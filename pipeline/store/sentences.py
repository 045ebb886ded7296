"""Sentences: where a document's text is cut into the sequences of a shard.

The splitter is Wikimedia's sentencex (rules and abbreviations of many languages).
A document is cut before white space only, and the white space goes to the next
sentence, so the pieces put together are the text, and a byte-level tokenizer, which
never joins characters across that place, gives the same tokens as for the whole.
"""

from __future__ import annotations

import re
from itertools import pairwise

import sentencex

#: White space to Python alone.  To Unicode, and so to tokenizers, they are control characters.
_SEPARATORS = "\x1c\x1d\x1e\x1f"

#: White space of more than one byte.  The splitter is given a plain space in its place: sentencex
#: 1.0.32 cuts a string inside such a character ("plan A\u00a0.") and the process panics.
_WIDE_SPACE = re.compile("[\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")


def split_sentences(text: str, language: str = "en") -> list[str]:
    """The sentences of a text; `"".join` of them is the text again."""
    cuts = [0, *_cuts(text, language), len(text)]
    return [text[a:b] for a, b in pairwise(cuts) if b > a]


def _cuts(text: str, language: str) -> list[int]:
    """Ascending positions inside the text: white space follows each, and none stands before it."""
    cuts: list[int] = []
    position = 0
    plain = _WIDE_SPACE.sub(" ", text)
    for sentence in sentencex.segment(language or "en", plain):
        bare = sentence.strip()
        if not bare:
            continue
        start = plain.find(bare, position)
        if start < 0:  # the splitter changed a character: its place cannot be known
            continue
        position = start + len(bare)
        cut = _before_space(text, start)
        if 0 < cut < start and (not cuts or cut > cuts[-1]):
            cuts.append(cut)
    return cuts


def _before_space(text: str, start: int) -> int:
    """Where the white space before `start` begins."""
    while start > 0 and text[start - 1].isspace() and text[start - 1] not in _SEPARATORS:
        start -= 1
    return start
