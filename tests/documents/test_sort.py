"""How fetch tables are cut into units of extraction."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.documents.sort import count_pieces, cut


@pytest.mark.parametrize(
    ("rows", "pieces"),
    [
        ([], []),
        ([0], [1]),
        ([100], [1]),
        ([386], [4]),
        ([1_133], [12]),
        ([1_600, 1_600], [8, 8]),
        ([8_000], [16]),
        ([20_000, 3], [40, 1]),
    ],
)
def test_small_intervals_have_smaller_units(rows: list[int], pieces: list[int]) -> None:
    assert count_pieces(rows, 500) == pieces


@pytest.mark.parametrize(
    ("sizes", "pieces", "cut_into"),
    [
        ([], 1, []),
        ([7], 1, [0]),
        ([0, 0, 0], 3, [0, 1, 2]),
        ([10] * 6, 3, [0, 0, 1, 1, 2, 2]),
        ([90, 10, 10, 10], 2, [0, 1, 1, 1]),
        ([1, 1, 1_000], 3, [0, 0, 2]),
    ],
)
def test_pieces_are_equal_in_pages_and_bytes(
    sizes: list[int], pieces: int, cut_into: list[int]
) -> None:
    assert cut(np.array(sizes, np.int64), pieces).tolist() == cut_into
