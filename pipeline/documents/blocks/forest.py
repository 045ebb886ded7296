"""Trees of decisions, judged for all blocks at once, in whole numbers.

The trees are oblivious (as CatBoost trains them): all branches of one depth ask the same question,
so the leaf of a block is the number that its answers make, a bit each.  Leaves are whole numbers,
whose sum depends on no order and no processor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pipeline.documents.blocks.numbers import Column

#: What a leaf of 1 adds to the logarithm of the odds: 1 / SCALE.
SCALE = 1 << 12
#: Numbers of features are cut to 16 bits.
_LEAST, _MOST = -(1 << 15), (1 << 15) - 1


@dataclass(frozen=True)
class Forest:
    """`features` are names; a tree asks for its questions whether feature > threshold."""

    features: tuple[str, ...]
    asked: npt.NDArray[np.int64]  # (depth, trees): which feature
    thresholds: npt.NDArray[np.int16]  # (depth, trees)
    leaves: npt.NDArray[np.int32]  # (trees, 2 ** depth); bit d is the answer at depth d
    bias: int
    bounds: npt.NDArray[np.int64]  # the least sum for a chance of 1, 2, … 999 thousandths

    def chances(self, columns: dict[str, Column]) -> Column:
        """The chance of each block, in thousandths; `columns` has all `features`."""
        wide = np.array([columns[name] for name in self.features])
        np.maximum(wide, _LEAST, out=wide)
        np.minimum(wide, _MOST, out=wide)
        sums = self.sums(wide.astype(np.int16))
        return np.searchsorted(self.bounds, sums, side="right").astype(np.int64)

    def sums(self, table: npt.NDArray[np.int16]) -> Column:
        """The sum of leaves (features by blocks in, one a block out), in 1 / SCALE."""
        depth, trees = self.asked.shape
        leaf = np.zeros((trees, table.shape[1]), dtype=np.uint8)
        for level in range(depth):
            answers = table[self.asked[level]] > self.thresholds[level][:, None]
            leaf |= answers.view(np.uint8) << np.uint8(level)
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
