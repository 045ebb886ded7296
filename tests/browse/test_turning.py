"""Where a long list begins, and what leads to the rows before and behind."""

from __future__ import annotations

import pytest
from multidict import MultiDict

from pipeline.browse.turning import ROWS, neighbours, offset_of


@pytest.mark.parametrize(
    ("query", "offset"),
    [("", 0), ("0", 0), ("50", 50), ("-5", 0), ("²", 0), ("1.5", 0), ("many", 0)],
)
def test_a_list_begins_where_the_address_says_or_at_its_first_row(query: str, offset: int) -> None:
    assert offset_of(MultiDict({"from": query} if query else {})) == offset


@pytest.mark.parametrize(
    ("offset", "shown", "total", "previous", "following"),
    [
        (0, 3, 3, "", ""),
        (0, ROWS, ROWS + 1, "", f"q=x&from={ROWS}"),
        (ROWS, 1, ROWS + 1, "q=x&from=0", ""),
        (7, ROWS, 100, "q=x&from=0", f"q=x&from={7 + ROWS}"),
        (0, 0, 0, "", ""),
    ],
)
def test_neighbours_are_there_where_there_are_rows(
    offset: int, shown: int, total: int, previous: str, following: str
) -> None:
    assert neighbours([("q", "x")], offset, shown, total) == {
        "first": offset + 1,
        "last": offset + shown,
        "previous": previous,
        "next": following,
    }
