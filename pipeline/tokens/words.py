"""Counts of the words of a sample, streamed: what the Unigram and WordPiece trainers begin with.

Words are counted as they stand between white space, and only the distinct ones are
normalised afterwards, which costs a hundredth of normalising the text.  Counts and
their order depend on the texts and their order alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

#: Distinct words held at most (some 0.5 GB).  Beyond, the rarest are forgotten: those counted
#: least often so far, which no vocabulary of some ten thousand pieces is decided by.
MOST_WORDS = 5_000_000


def word_counts(
    texts: Iterable[str], pieces: Callable[[str], Iterable[str]], most: int = MOST_WORDS
) -> list[tuple[str, int]]:
    """Words and how often they occur, sorted by word.

    `pieces` gives what a word becomes when it is normalised and pre-tokenized.
    """
    raw: Counter[str] = Counter()
    rare = 0
    for text in texts:
        raw.update(text.split())
        while len(raw) > most:
            rare += 1
            raw = Counter({word: count for word, count in raw.items() if count > rare})
    counts: Counter[str] = Counter()
    for word, count in raw.items():
        for piece in pieces(word):
            counts[piece] += count
    return sorted(counts.items())
