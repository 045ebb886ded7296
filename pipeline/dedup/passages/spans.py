"""Passages as characters of a text: where it may be cut, what goes, and whether two are equal."""

from __future__ import annotations

import re

import numpy as np

from pipeline.dedup.bands import Numbers
from pipeline.dedup.passages.cut import Passage
from pipeline.dedup.passages.settings import Bounds
from pipeline.dedup.passages.words import HashedWords, hash_words
from pipeline.store.cuts import Span
from pipeline.store.sentences import split_sentences
from pipeline.store.unspaced import words_and_characters

_BREAK = re.compile(r"\n\s*")
#: Where sentences end that no white space follows: ideographic and full-width marks.
_WIDE_END = re.compile("[\u3002\uff01\uff1f\uff61][\u201d\u2019\u300d\u300f\uff09\u3011]*")


class PageText:
    """A text with the places of its words."""

    def __init__(self, text: str, words: HashedWords | None = None) -> None:
        self.text = text
        self.words = hash_words(text) if words is None else words

    def __len__(self) -> int:
        """The number of words."""
        return len(self.words.starts)

    def characters(self, start: int, stop: int) -> Span:
        """The characters of some words, from the first of them to the end of the last."""
        return int(self.words.starts[start]), int(self.words.stops[stop - 1])

    def between(self, start: int, stop: int) -> str:
        """The text of some words."""
        first, last = self.characters(start, stop)
        return self.text[first:last]

    def bounds(self, kind: Bounds, language: str) -> Numbers:
        """The words before which the text may be cut, and the number of all words."""
        if kind == "word":
            return np.arange(len(self) + 1)
        places = [match.end() for match in _BREAK.finditer(self.text)]
        if kind == "sentence":
            # A line that begins with a small letter goes on with the sentence of the one before.
            places = [place for place in places if not self.text[place : place + 1].islower()]
            ends = np.cumsum([len(part) for part in split_sentences(self.text, language)])
            places += ends.tolist()
            places += [match.end() for match in _WIDE_END.finditer(self.text)]
        words = np.searchsorted(self.words.starts, places)
        return np.union1d(words, [0, len(self)])

    def cut(self, start: int, stop: int) -> Span:
        """The characters that go with some words: with the white space behind them.

        At the end of the text, or where the words end a paragraph that they do not begin, that
        before them goes instead, so that no paragraphs run together.
        """
        first, last = self.characters(start, stop)
        before = int(self.words.stops[start - 1]) if start else 0
        behind = int(self.words.starts[stop]) if stop < len(self) else len(self.text)
        breaks = self.text.count("\n", before, first), self.text.count("\n", last, behind)
        if stop == len(self):
            return before, behind
        if start and breaks[1] > breaks[0]:
            return before, last
        return first if start else 0, behind


def passage_spans(page: PageText, passages: list[Passage]) -> list[Span]:
    """What goes with each of a page's passages; those that touch share no character."""
    spans: list[Span] = []
    start = 0
    for number, passage in enumerate(passages):
        following = passages[number + 1] if number + 1 < len(passages) else None
        if following is not None and following.start == passage.stop:
            continue
        spans += _parts(page, passages[start : number + 1])
        start = number + 1
    return spans


def _parts(page: PageText, passages: list[Passage]) -> list[Span]:
    """Passages without a word between them: one cut, parted at the first word of each."""
    first, last = page.cut(passages[0].start, passages[-1].stop)
    inner = [int(page.words.starts[passage.start]) for passage in passages[1:]]
    return list(zip([first, *inner], [*inner, last], strict=True))


def is_same(page: PageText, other: PageText, passage: Passage) -> bool:
    """Whether both pages have all characters of a passage, white space aside."""
    kept_stop = passage.kept_start + passage.stop - passage.start
    if kept_stop > len(other):
        return False
    one = page.between(passage.start, passage.stop)
    return equal_words(one, other.between(passage.kept_start, kept_stop))


def equal_words(one: str, other: str) -> bool:
    """Whether two texts are the same characters, white space aside."""
    return one == other or words_and_characters(one) == words_and_characters(other)
