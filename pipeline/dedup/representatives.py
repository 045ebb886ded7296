"""Which documents are removed, and for which kept one: no chains.

Documents are taken in keep order.  One that is at least `threshold` similar to a document
kept before it is removed, in favour of the most similar of these; else it is kept.  So
each removed document is similar, verified, to the very one that is kept for it, where
the transitive closure of pairs would unite strangers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import NamedTuple


class RemovedDuplicate(NamedTuple):
    """A removed document, the one kept for it (both by number) and their similarity."""

    number: int
    kept: int
    similarity: float


def removals(
    pairs: Iterable[tuple[int, int]],
    similarity: Callable[[int, int], float],
    threshold: float,
) -> Iterator[RemovedDuplicate]:
    """Decides over candidate pairs (later, earlier), sorted; numbers are in keep order.

    `similarity` is asked for pairs whose earlier document is kept, and only for them.
    """
    removed: set[int] = set()
    for number, group in groupby(pairs, key=lambda pair: pair[0]):
        best: RemovedDuplicate | None = None
        for _, earlier in group:
            if earlier in removed:
                continue
            score = similarity(number, earlier)
            if score >= threshold and (best is None or score > best.similarity):
                best = RemovedDuplicate(number, earlier, score)
        if best is not None:
            removed.add(number)
            yield best
