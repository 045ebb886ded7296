"""The share of pages with enough karma by the month they were first linked, and odd months.

It is seen where nothing says when scores were read, and in any source that is unlike the others.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

#: A month is out of line below this part of the median share, or above its inverse.
_OUT_OF_LINE = 0.5
_FEWEST = 100  # pages; a month with fewer says nothing

_SEEN, _KEPT = "karma_asked_", "karma_passed_"


@dataclass(frozen=True)
class MonthShare:
    """How many pages of a month were asked for their karma, and how many had enough."""

    month: str
    asked: int
    passed: int
    out_of_line: bool

    @property
    def share(self) -> float:
        """Pages with enough karma over pages asked."""
        return self.passed / self.asked if self.asked else 0.0


def count_month(extra: dict[str, int], month: str, passed: bool) -> None:
    """Counts one page in the numbers of a part, by the month it was first seen."""
    extra[_SEEN + month] = extra.get(_SEEN + month, 0) + 1
    extra[_KEPT + month] = extra.get(_KEPT + month, 0) + passed


def month_shares(extra: Mapping[str, int]) -> list[MonthShare]:
    """The table of months of a finished links stage, in order, with those out of line marked.

    `extra` holds the numbers of its manifest, or of several, added up by name.  A month is out of
    line when its share is under half or over twice the median of all months that have at least
    100 pages.
    """
    table = {
        name.removeprefix(_SEEN): (pages, extra.get(_KEPT + name.removeprefix(_SEEN), 0))
        for name, pages in extra.items()
        if name.startswith(_SEEN)
    }
    shares = [passed / pages for pages, passed in table.values() if pages >= _FEWEST]
    middle = statistics.median(shares) if shares else 0.0
    return [
        MonthShare(month, pages, passed, pages >= _FEWEST and _is_far(passed / pages, middle))
        for month, (pages, passed) in sorted(table.items())
    ]


def _is_far(share: float, middle: float) -> bool:
    return share < middle * _OUT_OF_LINE or share * _OUT_OF_LINE > middle
