"""Connected components of the candidate pairs, so that they can be decided side by side.

A component is only a unit of work: nothing is removed because of it.  Two documents in
different components are no candidates of each other, so components need not wait for
one another.
"""

from __future__ import annotations

import numpy as np

from pipeline.dedup.bands import Numbers


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


class SliceLoad:
    """Deals components out to slices of at most `limit` weight, one after the other.

    A component stays whole, so one that weighs more than the limit is a slice by itself.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._slice, self._load = limit, 0, 0

    def slice_for(self, weight: int) -> int:
        """The slice of the next component."""
        if self._load and self._load + weight > self._limit:
            self._slice, self._load = self._slice + 1, 0
        self._load += weight
        return self._slice


def slices_of(labels: Numbers, weights: Numbers, limit: int) -> Numbers:
    """The slice of each document, given the component of each; in order of the components."""
    roots, inverse = np.unique(labels, return_inverse=True)
    totals, load = np.bincount(inverse, weights), SliceLoad(limit)
    slices = (load.slice_for(int(total)) for total in totals)
    return np.fromiter(slices, np.int64, len(roots))[inverse]
