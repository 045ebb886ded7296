"""Verification: the true similarity of a candidate pair, and what can be ruled out before it.

A candidate is first compared by signature, which needs no text.  That only ever rules
out: with `hashes` places, the number in which two documents of similarity s agree is
binomial, so a pair at the threshold is ruled out with a probability of at most `_MISS`.
"""

from __future__ import annotations

from math import comb

import numpy as np
import numpy.typing as npt

from pipeline.dedup.minhash import Hashes64

#: The greatest probability with which a pair at the threshold is ruled out unverified.
_MISS = 1e-6


def jaccard(one: Hashes64, other: Hashes64) -> float:
    """The Jaccard similarity of two shingle sets, both sorted and without repeats.

    Empty sets are similar to nothing: 0.
    """
    if len(one) > len(other):
        one, other = other, one
    if not len(one):
        return 0.0
    places = other.searchsorted(one)
    places[places == len(other)] = 0
    common = int(np.count_nonzero(other[places] == one))
    return common / (len(one) + len(other) - common)


def least_matches(threshold: float, hashes: int) -> int:
    """The least number of equal places of a signature with which a pair is verified.

    Of pairs whose true similarity is the threshold, less than one in a million has fewer.
    """
    below = 0.0
    for matches in range(hashes + 1):
        below += comb(hashes, matches) * threshold**matches * (1 - threshold) ** (hashes - matches)
        if below > _MISS:
            return matches
    return hashes


def may_be_similar(
    matches: npt.NDArray[np.int64],
    sizes: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    threshold: float,
    hashes: int,
) -> npt.NDArray[np.bool_]:
    """Which pairs are worth a verification, by equal places and by sizes of shingle sets.

    Sets of sizes m <= n have a Jaccard similarity of m / n at most.
    """
    one, other = sizes
    fit = np.minimum(one, other) >= threshold * np.maximum(one, other)
    enough: npt.NDArray[np.bool_] = fit & (matches >= least_matches(threshold, hashes))
    return enough
