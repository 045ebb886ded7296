"""Words and what they are worth: of elements' names and of short texts, as training found.

A weight is the word's share in the logarithm of the odds that a block is main text, times 50.
A word of a name weighs differently on the element itself, on the one or two around it, and on
all further out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import NamedTuple

from pipeline.documents.blocks.names import (
    MAY_BE_ASIDE,
    MAY_BE_UNSEEN,
    asides,
    families,
    marks,
    unseen,
    words,
)

_TOKEN = re.compile(r"\w+")
#: ASCII in lower case, with spaces for what is in no word: a pass in C for most texts.
_ASCII_WORDS = bytes(
    ord(chr(code).lower()) if chr(code).isalnum() or chr(code) == "_" else ord(" ")
    for code in range(128)
) + bytes(128)
#: Blocks with more characters or words than these are told by other things than their words.
_SHORT_CHARS = 300
_SHORT_WORDS = 40
_FIRST, _LAST = 8, 4


class NameScores(NamedTuple):
    """What the names of an element say."""

    families: int  # names.FAMILY, and ASIDE
    marks: int  # names.NEVER_TEXT …
    scores: tuple[int, int, int]  # for its own blocks, for those one or two below, for all deeper


NO_NAMES = NameScores(0, 0, (0, 0, 0))


class WordWeights:
    """The weights of words.  `names` gives three a word, `texts` one."""

    def __init__(self, names: Mapping[str, tuple[int, int, int]], texts: Mapping[str, int]) -> None:
        self.names, self.texts = names, texts
        # Sites repeat their names on every page, and within one.
        self.describe = lru_cache(maxsize=1 << 16)(self._describe)
        self._word = lru_cache(maxsize=1 << 16)(self._describe_word)

    def _describe(self, names: str) -> NameScores:
        marked = own = near = far = 0
        for word in words(names):
            families_of_word, (on_own, on_near, on_far) = self._word(word)
            marked |= families_of_word
            own += on_own
            near += on_near
            far += on_far
        name_marks = marks(names)
        if marked & MAY_BE_UNSEEN:
            name_marks |= unseen(names)
        if marked & MAY_BE_ASIDE:
            marked |= asides(names)
        return NameScores(marked, name_marks, (own, near, far))

    def _describe_word(self, word: str) -> tuple[int, tuple[int, int, int]]:
        return families(word), self.names.get(word, (0, 0, 0))

    def scores(self, texts: Sequence[str]) -> list[int]:
        """The weight of each block's words; 0 for long ones."""
        weight = self.texts.get
        return [
            sum(map(weight, telling_words(text), repeat(0))) if len(text) <= _SHORT_CHARS else 0
            for text in texts
        ]


def telling_words(text: str) -> list[str]:
    """The first eight and last four words of a short text, in lower case; none of a long one."""
    if len(text) > _SHORT_CHARS:
        return []
    found: list[str]
    if text.isascii():
        found = text.encode().translate(_ASCII_WORDS).decode().split()
    else:
        found = _TOKEN.findall(text.lower())
    if len(found) > _SHORT_WORDS:
        return []
    if len(found) > _FIRST + _LAST:
        return found[:_FIRST] + found[-_LAST:]
    return found
