"""Long lists that are shown some rows at a time: where one begins, and its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from multidict import MultiMapping

#: Rows of a list of pages.
ROWS = 25
_DIGITS = 15  # of a number at most: a database counts to 2^63


def whole_number(given: str) -> int | None:
    """A number that an address holds; None for what is none, or beyond all that is counted."""
    return int(given) if given.isdecimal() and len(given) <= _DIGITS else None


def offset_of(query: MultiMapping[str]) -> int:
    """How many rows are before the first that is shown, by `from`; 0 for what is no number."""
    return whole_number(query.get("from", "")) or 0


def neighbours(
    query: Sequence[tuple[str, str]], offset: int, shown: int, total: int
) -> dict[str, Any]:
    """`first` and `last` of the `shown` rows, counted from 1, and the queries of their neighbours.

    `query` is what all have in common; `previous` and `next` are empty where there is none.
    """

    def begun(start: int) -> str:
        return urlencode([*query, ("from", start)])

    return {
        "first": offset + 1,
        "last": offset + shown,
        "previous": begun(max(0, offset - ROWS)) if offset else "",
        "next": begun(offset + ROWS) if offset + shown < total else "",
    }
