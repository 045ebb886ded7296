"""Connected components of the candidate pairs, so that they can be decided side by side.

A component is only a unit of work: nothing is removed because of it.  Two documents in
different components are no candidates of each other, so components need not wait for
one another.
"""

from __future__ import annotations

import numpy as np

from pipeline.dedup.bands import Numbers

_AT_ONCE = 100_000  # components that are Python numbers at a time


class UnionFind:
    """Union-find over documents 0 to `size` - 1, fed with arrays of pairs.

    It holds one number of 8 bytes a document; the pairs may come in slices.
    """

    def __init__(self, size: int) -> None:
        self._parent = np.arange(size, dtype=np.int64)

    def join(self, left: Numbers, right: Numbers) -> None:
        """Unites the components of each pair.

        Each round hooks every root on the least root it has a pair with, until all
        pairs lie within one component.
        """
        while True:
            one, other = self.labels(left), self.labels(right)
            apart = one != other
            if not apart.any():
                return
            left, right = one[apart], other[apart]
            np.minimum.at(self._parent, np.maximum(left, right), np.minimum(left, right))

    def labels(self, documents: Numbers) -> Numbers:
        """The least document of each one's component; shortens the ways it walks."""
        root = self._parent[documents]
        while True:
            above = self._parent[root]
            if np.array_equal(above, root):
                break
            root = above
        self._parent[documents] = root
        return root


def slices_of(labels: Numbers, weights: Numbers, limit: int) -> Numbers:
    """Deals components out to slices of at most `limit` weight: the slice of each document.

    A component stays whole, so one that weighs more than the limit is a slice by itself.
    """
    roots, inverse = np.unique(labels, return_inverse=True)
    totals = np.bincount(inverse, weights).astype(np.int64)
    slice_of_root = np.empty(len(roots), np.int64)
    number, load = 0, 0
    for start in range(0, len(totals), _AT_ONCE):
        for place, total in enumerate(totals[start : start + _AT_ONCE].tolist(), start):
            if load and load + total > limit:
                number, load = number + 1, 0
            slice_of_root[place] = number
            load += total
    return slice_of_root[inverse]
