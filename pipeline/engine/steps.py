"""Steps of a stage one after the other, each planned from what those before have left.

A plan sees the reports of all parts so far and names the units of its step; the units are
dealt out to all workers.  Between two steps there is one task, whatever the number of units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam

from pipeline.engine.sink import MakeParts
from pipeline.store.parts import Part

Reports = Sequence[Part]


@dataclass(frozen=True)
class Step:
    """`plan` makes the step's units from the reports of all steps before, `make` does one."""

    name: str
    plan: Callable[[Reports], Iterable[Any]]
    make: Callable[[Any], Iterable[Part]]

    def transform(self) -> beam.PTransform:
        """Units in, reports out."""
        return MakeParts(self.make)


@dataclass(frozen=True)
class GroupedStep(Step):
    """A step whose units are taken apart and brought together anew, in numbered groups.

    `keyed` gives the (number, element) pairs of a unit; they go through the shuffle, so elements
    are small.  `make` gets each number below `groups` with its elements in no order, among them
    one None, so that a group without elements is made as well.
    """

    keyed: Callable[[Any], Iterable[tuple[int, Any]]]
    groups: int

    def transform(self) -> beam.PTransform:
        """Units in, reports out."""
        return _Grouped(self)


class _Grouped(beam.PTransform):
    def __init__(self, step: GroupedStep) -> None:
        super().__init__()
        self._step = step

    def expand(self, units: beam.PCollection) -> beam.PCollection:
        """Units in, reports out."""
        step = self._step
        elements = units | "Deal" >> beam.Reshuffle() | "Keyed" >> beam.FlatMap(step.keyed)
        empty = units.pipeline | "Groups" >> beam.Create([(n, None) for n in range(step.groups)])
        grouped = (elements, empty) | beam.Flatten() | "By group" >> beam.GroupByKey()
        return grouped | "Make" >> beam.FlatMap(step.make)


class Steps(beam.PTransform):
    """From the pipeline's root to the reports of all parts of all steps."""

    def __init__(self, steps: Iterable[Step]) -> None:
        super().__init__()
        self._steps = list(steps)

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        """What is done goes from step to step as one list."""
        done = root | "Begin" >> beam.Create([()], reshuffle=False)
        for step in self._steps:
            made = done | f"{step.name}: plan" >> beam.FlatMap(step.plan)
            made = made | step.name >> step.transform()
            done = done | f"{step.name}: done" >> beam.Map(_with, beam.pvalue.AsList(made))
        return done | "Parts" >> beam.FlatMap(list)


def _with(before: Reports, latest: Iterable[Part]) -> Reports:
    return (*before, *latest)
