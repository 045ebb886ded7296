"""Features as a table: a name and a row of whole numbers each, an entry a block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

#: Numbers of features are cut to 16 bits.
_LEAST, _MOST = -(1 << 15), (1 << 15) - 1

Short = npt.NDArray[np.int16]


class FeatureTable(NamedTuple):
    """Features as a forest reads them."""

    names: tuple[str, ...]
    rows: Short  # (features, blocks)

    def with_rows_of(self, other: FeatureTable) -> FeatureTable:
        """The features of both tables."""
        return FeatureTable(self.names + other.names, np.concatenate([self.rows, other.rows]))


class FeatureRows:
    """Features in the making: rows of numbers, which become one table.

    Blocks are few on most pages, so that calls cost more than numbers: what is computed as rows
    of one array is added as one.
    """

    def __init__(self) -> None:
        self._names: list[str] = []
        self._rows: list[npt.NDArray[Any]] = []

    def add(self, names: Sequence[str], rows: npt.NDArray[Any]) -> None:
        """Adds rows, an array of (names, blocks)."""
        self._names += names
        self._rows.append(rows)

    def add_each(self, columns: Mapping[str, npt.NDArray[Any]]) -> None:
        """Adds columns by name."""
        self._names += columns
        self._rows += [column[None] for column in columns.values()]

    def table(self) -> FeatureTable:
        """All that was added, in 16 bits; larger numbers become the largest."""
        rows = np.concatenate(self._rows)
        if len(rows) != len(self._names):
            raise ValueError(f"{len(rows)} rows have {len(self._names)} names")
        np.minimum(np.maximum(rows, _LEAST, out=rows), _MOST, out=rows)
        return FeatureTable(tuple(self._names), rows.astype(np.int16))
