"""Steps of a stage one after the other, each planned from what those before have left.

A plan sees the reports of all parts so far and names the units of its step; the units are
dealt out to all workers.  Between two steps there is one task, whatever the number of units, so
that the tasks of a step are as many as the partitions and not as their square.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam

from pipeline.engine.sink import MakeParts, Units
from pipeline.store.parts import Part

Reports = Sequence[Part]


@dataclass(frozen=True)
class Step:
    """`plan` makes the step's units from the reports of all steps before, `make` does one.

    `alone`: there is one unit at most, so nothing is dealt out.
    """

    name: str
    plan: Callable[[Reports], Iterable[Any]]
    make: Callable[[Any], Iterable[Part]]
    alone: bool = False


def all_of(units: Sequence[Any], _before: Reports) -> Sequence[Any]:
    """The plan of a step whose units are known before the run, as `partial(all_of, units)`."""
    return units


class Steps(beam.PTransform):
    """From the pipeline's root to the reports of all parts of all steps."""

    def __init__(self, steps: Iterable[Step]) -> None:
        super().__init__()
        self._steps = list(steps)

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        """What is done goes from step to step as one list."""
        done = root | "Begin" >> Units([()])
        for step in self._steps:
            made = done | f"{step.name}: plan" >> beam.FlatMap(step.plan)
            made = made | step.name >> MakeParts(step.make, alone=step.alone)
            done = done | f"{step.name}: done" >> beam.Map(_with, beam.pvalue.AsList(made))
        return done | "Parts" >> beam.FlatMap(list)


def _with(before: Reports, latest: Iterable[Part]) -> Reports:
    return (*before, *latest)
