"""What of a page goes because other pages keep it: the decision, page by page in keep order.

Every run of `words` words has at most one keeper: the first page in keep order with whose text it
stays.  A page is decided against the keepers of all pages before it, then becomes the keeper of
the runs that are left to it.  So what is cut out of a page stays whole on another one that is in
the corpus, and no page loses anything for one that lost it itself.

Positions count words of one page from 0; pages are named by their number in keep order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from pipeline.dedup.bands import Numbers
from pipeline.dedup.passages.settings import PassageSettings


class Passage(NamedTuple):
    """Words `start` to `stop` - 1 of a page; page `kept` has them from its word `kept_start` on."""

    start: int
    stop: int
    kept: int
    kept_start: int


class Cut(NamedTuple):
    """What goes: passages in order, or the whole page, for the page that has most of it."""

    passages: list[Passage]
    #: Words that other pages have, of all words.
    share: float
    #: The page for which the whole page goes; -1 where passages go, or nothing.
    contained_in: int = -1


#: A page that keeps all its words.
NOTHING = Cut([], 0.0)


class Keepers:
    """Of each distinct run, by its index below `size`: its keeper and where it begins there.

    It takes 16 bytes a run.
    """

    def __init__(self, size: int) -> None:
        self._pages = np.full(size, -1, np.int64)
        self._words = np.zeros(size, np.int64)

    def shared(self, starts: Numbers, runs: Numbers, length: int) -> list[Passage]:
        """What of a page has a keeper, where it has the `runs` at `starts`, in order.

        Neighbouring runs that have neighbouring places on one keeper are one passage; passages
        may overlap.
        """
        kept = np.flatnonzero(self._pages[runs] >= 0)
        if not len(kept):
            return []
        starts, runs = starts[kept], runs[kept]
        pages, words = self._pages[runs], self._words[runs]
        new = np.ones(len(starts), bool)
        new[1:] = (np.diff(starts) != 1) | (np.diff(pages) != 0) | (np.diff(words) != 1)
        first = np.flatnonzero(new)
        last = np.append(first[1:], len(starts)) - 1
        columns = starts[first], starts[last] + length, pages[first], words[first]
        return [Passage(*row) for row in np.stack(columns, axis=1).tolist()]

    def keep(self, page: int, starts: Numbers, runs: Numbers, cut: Cut, length: int) -> None:
        """Makes a page the keeper of its runs that have none and are left to it, whole."""
        if cut.contained_in >= 0:
            return
        left = self._pages[runs] < 0
        for passage in cut.passages:
            left &= (starts + length <= passage.start) | (starts >= passage.stop)
        # The first of equal runs is written last, and stays.
        starts, runs = starts[left][::-1], runs[left][::-1]
        self._pages[runs], self._words[runs] = page, starts


def cut_page(
    shared: Iterable[Passage],
    is_equal: Callable[[Passage], bool],
    bounds: Callable[[], Numbers],
    words: int,
    settings: PassageSettings,
) -> Cut:
    """What goes of a page of so many words that shares passages, given in order of their starts.

    `is_equal` compares the texts of a passage; `bounds` gives the words, in order, before which a
    text may be cut, the first and the end of the page among them.
    """
    verified = [passage for passage in shared if is_equal(passage)]
    if not verified:
        return NOTHING
    stretches = _joined(verified)
    covered = sum(stop - start for start, stop in stretches)
    share = covered / words
    if share > settings.most or words - covered < settings.least:
        return Cut([], share, _with_most(verified))
    allowed = bounds()
    passages: list[Passage] = []
    for start, stop in stretches:
        first = int(allowed[np.searchsorted(allowed, start)])
        last = int(allowed[np.searchsorted(allowed, stop, "right") - 1])
        passages += _between(verified, first, last)
    return Cut(passages, share)


def _joined(passages: Sequence[Passage]) -> list[tuple[int, int]]:
    """The stretches of words that passages cover, in order; those that touch are one."""
    runs: list[tuple[int, int]] = []
    for passage in passages:
        if runs and passage.start <= runs[-1][1]:
            runs[-1] = runs[-1][0], max(runs[-1][1], passage.stop)
        else:
            runs.append((passage.start, passage.stop))
    return runs


def _between(passages: Sequence[Passage], start: int, stop: int) -> list[Passage]:
    """The parts of passages that together make up the words from `start` to `stop`, each once."""
    gaps = []
    for passage in passages:
        first, last = max(start, passage.start), min(stop, passage.stop)
        if first < last:
            kept_start = passage.kept_start + first - passage.start
            gaps.append(Passage(first, last, passage.kept, kept_start))
            start = last
    return gaps


def _with_most(passages: Sequence[Passage]) -> int:
    """The page that keeps the most words; of several, the most preferred."""
    words: dict[int, int] = {}
    covered = 0
    for passage in passages:
        start = max(covered, passage.start)
        words[passage.kept] = words.get(passage.kept, 0) + max(0, passage.stop - start)
        covered = max(covered, passage.stop)
    return min(words, key=lambda page: (-words[page], page))
