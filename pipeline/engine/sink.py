"""The Beam transform that every stage is: units of work in, finished parts out, and a manifest.

Text never goes through a shuffle.  What goes through Beam is units (which file to
read, which part to write) and reports on finished parts; a unit reads and writes
files by itself, deterministically and atomically.  So a bundle that a runner
repeats writes the same bytes again, and nothing depends on order or worker count.
"""

from __future__ import annotations

import pickle
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions
from apache_beam.portability import common_urns
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipeline.engine.stage_steps import Ending, StageSteps
from pipeline.engine.steps import Make, Reports, Step
from pipeline.store.errors import system_error
from pipeline.store.manifest import Manifest
from pipeline.store.parts import Part


class StageTransform(beam.PTransform):
    """The work of a stage: from the pipeline's root to a PCollection of one Manifest."""

    def __init__(self, plan: StageSteps) -> None:
        super().__init__(plan.ending.draft.stage.capitalize())
        self._plan, self._started = plan, time.time()

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection:
        """What is done goes from step to step as one list; in one process all is one transform."""
        done = root | "Begin" >> beam.Create([()], reshuffle=False)
        if _is_one_process(root.pipeline):
            done = done | "In turn" >> beam.Map(_in_turn, self._plan.steps)
        else:
            done = reduce(_then, self._plan.steps, done)
        return done | "Manifest" >> beam.Map(_end, self._plan.ending, self._started)


def _is_one_process(pipeline: beam.Pipeline) -> bool:
    """Whether nothing runs side by side, so that Beam has nothing to deal out."""
    options = pipeline.options.view_as(DirectOptions)
    return type(pipeline.runner) is FnApiRunner and options.direct_num_workers == 1


def _then(done: beam.PCollection, step: Step) -> beam.PCollection:
    """With the reports of a step, whose units are dealt out to all workers."""
    if step.alone:
        # Beam fuses it with the steps around it, into one task.
        return done | step.name >> beam.Map(_with_step, step)
    units = done | f"{step.name}: plan" >> beam.FlatMap(step.plan)
    dealt = units | f"{step.name}: deal" >> Deal()
    made = dealt | step.name >> beam.FlatMap(_parts_of, make=step.make)
    # By a side input, which takes one task and no shuffle.
    return done | f"{step.name}: done" >> beam.Map(_with, beam.pvalue.AsList(made))


class Deal(beam.PTransform):
    """Beam's `Reshuffle` for elements whose windows and times do not matter, known by its name.

    That one's keys are random, and it has more transforms, each of which Beam looks at for
    milliseconds.  Runners that deal out by themselves, as dask and Spark do here, take neither
    apart.
    """

    def expand(self, units: beam.PCollection) -> beam.PCollection:
        """Units in, the same units out, on whichever worker is free."""
        keyed = units | "Key" >> beam.Map(_with_key) | beam.GroupByKey()
        return keyed | "Units" >> beam.FlatMap(_without_key)

    def to_runner_api_parameter(self, _context: Any) -> tuple[str, None]:
        """What it is called between Beam and a runner."""
        return common_urns.composites.RESHUFFLE.urn, None


def _with_key(unit: Any) -> tuple[int, Any]:
    """By its bytes, so that it goes the same way when a runner sends it again."""
    return zlib.crc32(pickle.dumps(unit)), unit


def _without_key(units: tuple[int, Iterable[Any]]) -> Iterable[Any]:
    return units[1]


def _in_turn(before: Reports, steps: Sequence[Step]) -> Reports:
    """The reports of all parts of all steps."""
    return reduce(_with_step, steps, before)


def _with_step(before: Reports, step: Step) -> Reports:
    """With the reports of a step, one unit after the other."""
    units = step.plan(before)
    return _with(before, (part for unit in units for part in _parts_of(unit, step.make)))


def _with(before: Reports, latest: Iterable[Part]) -> Reports:
    return (*before, *latest)


def _parts_of(unit: Any, make: Make) -> Iterator[Part]:
    """The parts of a unit; what the system refuses becomes an error with a remedy."""
    try:
        yield from make(unit)
    except OSError as error:
        raise system_error(error) or error from error


def _end(reports: Reports, ending: Ending, started: float) -> Manifest:
    return ending.write(reports, time.time() - started)
