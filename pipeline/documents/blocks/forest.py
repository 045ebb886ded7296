"""Trees of decisions, judged for all blocks at once, in whole numbers.

The trees are oblivious (as CatBoost trains them): all branches of one depth ask the same question,
so the leaf of a block is the number that its answers make, a bit each.  Leaves are whole numbers,
whose sum depends on no order and no processor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from pipeline.documents.blocks.numbers import Column

#: What a leaf of 1 adds to the logarithm of the odds: 1 / SCALE.
SCALE = 1 << 12
#: Numbers of features are cut to 16 bits.
_LEAST, _MOST = -(1 << 15), (1 << 15) - 1
#: So many blocks are judged at once that what is made on the way stays near the processor.
_AT_ONCE = 400

Short = npt.NDArray[np.int16]


class FeatureTable(NamedTuple):
    """Features as a forest reads them: a name and a row of numbers each, an entry a block."""

    names: tuple[str, ...]
    rows: Short  # (features, blocks)

    def with_rows_of(self, other: FeatureTable) -> FeatureTable:
        """The features of both tables."""
        return FeatureTable(self.names + other.names, np.concatenate([self.rows, other.rows]))


def shortened(columns: dict[str, Column]) -> FeatureTable:
    """Columns in 16 bits; larger numbers become the largest."""
    rows = np.concatenate(list(columns.values())).reshape(len(columns), -1)
    np.clip(rows, _LEAST, _MOST, out=rows)
    return FeatureTable(tuple(columns), rows.astype(np.int16))


@dataclass(frozen=True)
class Forest:
    """`features` are names; a tree asks for its questions whether feature > threshold."""

    features: tuple[str, ...]
    asked: npt.NDArray[np.int64]  # (depth, trees): which feature
    thresholds: npt.NDArray[np.int16]  # (depth, trees)
    leaves: npt.NDArray[np.int32]  # (trees, 2 ** depth); bit d is the answer at depth d
    bias: int
    bounds: npt.NDArray[np.int64]  # the least sum for a chance of 1, 2, … 999 thousandths
    #: `asked` as rows of tables, by the names that these have: pages all have the same.
    _asked_rows: dict[tuple[str, ...], npt.NDArray[np.int64]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def chances(self, table: FeatureTable) -> Column:
        """The chance of each block, in thousandths; the table has all `features`."""
        asked = self._asked_rows.get(table.names)
        if asked is None:
            rows = np.array([table.names.index(name) for name in self.features], dtype=np.int64)
            asked = self._asked_rows[table.names] = rows[self.asked]
        blocks = range(0, table.rows.shape[1], _AT_ONCE)
        sums = [self._sums(asked, table.rows[:, at : at + _AT_ONCE]) for at in blocks]
        return np.searchsorted(self.bounds, np.concatenate(sums), side="right").astype(np.int64)

    def _sums(self, asked: npt.NDArray[np.int64], rows: Short) -> Column:
        """The sum of leaves (features by blocks in, one a block out), in 1 / SCALE."""
        depth, trees = asked.shape
        leaf = np.zeros((trees, rows.shape[1]), dtype=np.uint8)
        for level in reversed(range(depth)):
            answers = rows.take(asked[level], axis=0) > self.thresholds[level][:, None]
            leaf += leaf  # the answer at a greater depth is a higher bit
            leaf += answers.view(np.uint8)
        starts = (np.arange(trees) << depth)[:, None]
        values = self.leaves.ravel().take(leaf + starts)
        sums: Column = values.sum(axis=0, dtype=np.int64) + self.bias
        return sums

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
        return cls(features, chosen, thresholds, leaves, int(values["bias"]), bounds)
