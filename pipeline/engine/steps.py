"""Steps of a stage one after the other, each planned from what those before have left.

A plan sees the reports of all parts so far and names the units of its step; the units are
dealt out to all workers.  Between two steps there is one task, whatever the number of units, so
that the tasks of a step are as many as the partitions and not as their square.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.store.parts import Part, is_result

Reports = Sequence[Part]
#: Units of a step, from the reports of all before it.
Plan = Callable[[Reports], Iterable[Any]]
#: The parts of a unit.
Make = Callable[[Any], Iterable[Part]]


@dataclass(frozen=True)
class Step:
    """`plan` makes the step's units from the reports of all steps before, `make` does one.

    `alone`: there is one unit at most, so nothing is dealt out.
    """

    name: str
    plan: Plan
    make: Make
    alone: bool = False


def all_of(units: Sequence[Any], _before: Reports) -> Sequence[Any]:
    """The plan of a step whose units are known before the run, as `partial(all_of, units)`."""
    return units


def stays(part: Part) -> bool:
    """True for a report of a file that stays, and for one of numbers alone."""
    return part.file is None or is_result(part)


def without_scratch(part: Part) -> Part:
    """The report of a scratch file, whose numbers count but which will not be there."""
    return part if stays(part) else Part(None, part.counts, part.extra, part.audit)
