"""Which blocks of a page are its main text, told from its true text or from phrases of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipeline.documents.training.tokens import tokens

Labels = npt.NDArray[np.float64]

#: Words of a page in a row that must stand so in the truth.
_GRAM = 3
#: A block with so many words that the truth has but once is text once, whatever its copies.
_COPY_WORDS = 4
_PART_CHARS = 15
_SPACE = re.compile(r"\s+")


def from_text(texts: Sequence[str], truth: str, hidden: Sequence[bool]) -> Labels:
    """For each block the share of its words that lie in 3-grams of the truth.

    3-grams may cross the border of blocks that follow each other; a block of one or two words
    also counts when it is a line of the truth.  Of copies, hidden ones are text last.
    """
    true = tokens(truth)
    grams = set(zip(*(true[start:] for start in range(_GRAM)), strict=False))
    lines = {tuple(tokens(line)) for line in truth.split("\n")}
    blocks = [tokens(text) for text in texts]
    flat = [word for block in blocks for word in block]
    hit = np.zeros(len(flat), dtype=np.float64)
    for start in range(len(flat) - _GRAM + 1):
        if tuple(flat[start : start + _GRAM]) in grams:
            hit[start : start + _GRAM] = 1.0
    labels = np.zeros(len(blocks))
    start = 0
    for row, block in enumerate(blocks):
        if block:
            share = float(hit[start : start + len(block)].mean())
            whole_line = len(block) < _GRAM and tuple(block) in lines
            labels[row] = 1.0 if whole_line else share
        start += len(block)
    _unlabel_copies(labels, blocks, true, hidden)
    return labels


def _unlabel_copies(
    labels: Labels, blocks: list[list[str]], true: list[str], hidden: Sequence[bool]
) -> None:
    alike: dict[tuple[str, ...], list[int]] = {}
    for row, block in enumerate(blocks):
        if len(block) >= _COPY_WORDS and labels[row] > 0.5:
            alike.setdefault(tuple(block), []).append(row)
    joined = " " + " ".join(true) + " "
    for words, rows in alike.items():
        if len(rows) > 1:
            times = max(1, joined.count(" " + " ".join(words) + " "))
            for row in sorted(rows, key=lambda at: (hidden[at], at))[times:]:
                labels[row] = 0.0


def from_phrases(texts: Sequence[str], wanted: Sequence[str], unwanted: Sequence[str]) -> Labels:
    """1 for blocks with a phrase that must be there, 0 for one that must not, else not a number."""
    good, bad = [_plain(phrase) for phrase in wanted], [_plain(phrase) for phrase in unwanted]
    labels = np.full(len(texts), np.nan)
    for row, text in enumerate(map(_plain, texts)):
        if _touches(text, good):
            labels[row] = 1.0
        elif _touches(text, bad):
            labels[row] = 0.0
    return labels


def _touches(text: str, phrases: list[str]) -> bool:
    if any(phrase in text for phrase in phrases):
        return True
    return len(text) >= _PART_CHARS and any(text in phrase for phrase in phrases)


def agreed(texts: Sequence[str], systems: Sequence[str]) -> Labels:
    """1 where all of some extractors' texts have a block, 0 where none has, else not a number."""
    seen = [False] * len(texts)
    shares = np.array([from_text(texts, found, seen) for found in systems])
    labels = np.full(len(texts), np.nan)
    labels[(shares > 0.8).all(axis=0)] = 1.0
    labels[(shares < 0.2).all(axis=0)] = 0.0
    return labels


def _plain(text: str) -> str:
    return _SPACE.sub(" ", text).strip()
