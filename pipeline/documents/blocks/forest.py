"""Trees of decisions, judged for all blocks at once, in whole numbers.

The trees are oblivious (as CatBoost trains them): all branches of one depth ask the same question,
so the leaf of a block is the number that its answers make, a bit each.  Leaves are whole numbers,
whose sum depends on no order and no processor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from pipeline.documents.blocks.numbers import Column
from pipeline.documents.blocks.table import FeatureTable, Short

#: What a leaf of 1 adds to the logarithm of the odds: 1 / SCALE.
SCALE = 1 << 12
#: So many blocks are judged at once that what is made on the way stays near the processor.
_AT_ONCE = 400
#: Sums of leaves have 32 bits.
_MOST_SUM = (1 << 31) - 1


class _Questions(NamedTuple):
    """The distinct questions of a forest: trees ask many of them more than once."""

    asked: npt.NDArray[np.int64]  # (questions,): which feature
    thresholds: Short  # (questions, 1)
    places: npt.NDArray[np.int64]  # (depth, trees): which question


@dataclass(frozen=True)
class Forest:
    """`features` are names; a tree asks for its questions whether feature > threshold."""

    features: tuple[str, ...]
    asked: npt.NDArray[np.int64]  # (depth, trees): which feature
    thresholds: Short  # (depth, trees)
    leaves: npt.NDArray[np.int32]  # (trees, 2 ** depth); bit d is the answer at depth d
    bias: int
    bounds: npt.NDArray[np.int64]  # the least sum for a chance of 1, 2, … 999 thousandths
    #: `_Questions.asked` as rows of tables, by the names that these have: pages all have the same.
    _asked_rows: dict[tuple[str, ...], npt.NDArray[np.int64]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def chances(self, table: FeatureTable) -> Column:
        """The chance of each block, in thousandths; the table has all `features`."""
        asked = self._asked_rows.get(table.names)
        if asked is None:
            rows = np.array([table.names.index(name) for name in self.features], dtype=np.int64)
            asked = self._asked_rows[table.names] = rows[self._questions.asked]
        blocks = range(0, table.rows.shape[1], _AT_ONCE)
        sums = [self._sums(asked, table.rows[:, at : at + _AT_ONCE]) for at in blocks]
        return self.bounds.searchsorted(np.concatenate(sums), side="right").astype(np.int64)

    def _sums(self, asked: npt.NDArray[np.int64], rows: Short) -> npt.NDArray[np.int32]:
        """The sum of leaves (features by blocks in, one a block out), in 1 / SCALE."""
        _, thresholds, places = self._questions
        # No index is beyond its table, and "clip" is the mode that does not look for one.
        answers = (rows.take(asked, axis=0, mode="clip") > thresholds).view(np.uint8)
        leaf = np.zeros((places.shape[1], rows.shape[1]), dtype=np.uint8)
        for level in reversed(places):
            leaf += leaf  # the answer at a greater depth is a higher bit
            leaf += answers.take(level, axis=0, mode="clip")
        index = leaf.astype(np.intp)
        index += self._starts
        values = self.leaves.take(index, mode="clip")
        sums: npt.NDArray[np.int32] = np.add.reduce(values, axis=0, dtype=np.int32)
        return sums + np.int32(self.bias)

    @cached_property
    def _questions(self) -> _Questions:
        pairs = np.stack([self.asked.ravel(), self.thresholds.ravel().astype(np.int64)])
        (asked, thresholds), places = np.unique(pairs, axis=1, return_inverse=True)
        return _Questions(
            asked, thresholds.astype(np.int16)[:, None], places.reshape(self.asked.shape)
        )

    @cached_property
    def _starts(self) -> npt.NDArray[np.intp]:
        """Where the leaves of each tree begin, a row a tree."""
        return np.arange(0, self.leaves.size, self.leaves.shape[1])[:, None]

    def to_json(self) -> dict[str, Any]:
        """Plain lists, for the file of a model."""
        return {
            "features": list(self.features),
            "asked": self.asked.tolist(),
            "thresholds": self.thresholds.tolist(),
            "leaves": self.leaves.tolist(),
            "bias": self.bias,
            "bounds": self.bounds.tolist(),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The inverse of `to_json`.  Raises ValueError, KeyError or TypeError for what is none."""
        chosen = np.array(values["asked"], dtype=np.int64)
        thresholds = np.array(values["thresholds"], dtype=np.int16)
        leaves = np.array(values["leaves"], dtype=np.int32)
        bounds = np.array(values["bounds"], dtype=np.int64)
        features = tuple(map(str, values["features"]))
        if chosen.ndim != 2 or chosen.shape != thresholds.shape or not 1 <= len(chosen) <= 8:
            raise ValueError("questions and thresholds do not match")
        if leaves.shape != (chosen.shape[1], 1 << len(chosen)):
            raise ValueError("leaves do not match the depth")
        if chosen.size and not 0 <= chosen.min() <= chosen.max() < len(features):
            raise ValueError("a question asks for no feature")
        if np.abs(leaves.astype(np.int64)).sum() + abs(int(values["bias"])) > _MOST_SUM:
            raise ValueError("leaves are too large")
        return cls(features, chosen, thresholds, leaves, int(values["bias"]), bounds)
