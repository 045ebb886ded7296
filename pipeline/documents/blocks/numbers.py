"""Arithmetic on columns of whole numbers, shared by the two stages' features.

Whole numbers only: their sums do not depend on the order, and shares in thousandths are rounded
down, so features are the same to the bit on any processor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.int64]
#: Whether each block is chosen, or something else holds of it.
Chosen = npt.NDArray[np.bool_]


def thousandths(part: Column | int, whole: Column | int) -> Column:
    """How many thousandths of `whole` a part is; 0 of nothing."""
    shares: Column = np.asarray(part) * 1000 // np.maximum(whole, 1)
    return shares


def members(numbers: Iterable[int], size: int) -> Chosen:
    """Of each number below `size`, whether it is one of some.

    A column of numbers as an index into it is what `np.isin` gives, in a tenth of the time.
    """
    table = np.zeros(size, dtype=np.bool_)
    table[list(numbers)] = True
    return table


def between(values: Column, least: int, most: int) -> Column:
    """Values cut to a range; for short columns in a third of the time that `np.clip` takes."""
    return np.minimum(np.maximum(values, least), most)


def running(values: npt.ArrayLike) -> Column:
    """Sums of the first 0, 1, … of n values: n + 1 numbers."""
    values = np.asarray(values)
    sums = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=sums[1:])
    return sums


class Beside:
    """Values, or rows of them, as they stand up to REACH places before and after each place."""

    REACH = 3

    def __init__(self, values: Column, fill: int = -1) -> None:
        *rows, self._count = values.shape
        self._padded = np.full((*rows, self._count + 2 * self.REACH), fill, dtype=np.int64)
        self._padded[..., self.REACH : self.REACH + self._count] = values

    def before(self, distance: int) -> Column:
        """The value `distance` places before each, after it where that is negative."""
        begin = self.REACH - distance
        values: Column = self._padded[..., begin : begin + self._count]
        return values


def windows(places: int, reaches: Sequence[int]) -> tuple[Column, Column]:
    """Where windows of each reach on both sides of each place begin and end: a row a reach."""
    at, reach = np.arange(places), np.array(reaches)[:, None]
    return np.maximum(at - reach, 0), np.minimum(at + (reach + 1), places)


def by_key(keys: Column, values: Column, count: int) -> Column:
    """The sum of values for each of the keys 0 … count - 1."""
    # bincount adds in float64, which is exact up to 2^53.
    return np.bincount(keys, weights=values, minlength=count).astype(np.int64)


def since(marked: npt.NDArray[np.bool_], far: int) -> Column:
    """How many places each is after the last marked one (0 if marked itself), at most `far`."""
    places = np.arange(len(marked))
    last = np.maximum.accumulate(np.where(marked, places, -far))
    return np.minimum(places - last, far)


def until(marked: npt.NDArray[np.bool_], far: int) -> Column:
    """How many places each is before the next marked one, at most `far`."""
    return since(marked[::-1], far)[::-1]
