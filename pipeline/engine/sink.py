"""Beam transforms that every stage is made of: units of work in, finished parts out.

Text never goes through a shuffle.  What goes through Beam is units (which file to
read, which part to write) and reports on finished parts; a unit reads and writes
files by itself, deterministically and atomically.  So a bundle that a runner
repeats writes the same bytes again, and nothing depends on order or worker count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import reduce
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipeline.engine.steps import Reports, Step
from pipeline.store import files
from pipeline.store.errors import WebtextError, system_error
from pipeline.store.manifest import (
    PROGRESS,
    WORK,
    Counts,
    Manifest,
    add_audits,
    add_fingerprints,
    write_manifest,
)
from pipeline.store.packages import versions
from pipeline.store.parts import Part


class Units(beam.PTransform):
    """From the pipeline's root to the units that are known before the run.

    They are not dealt out here: `MakeParts` does that, and to deal twice takes as many tasks
    as the square of the partitions.
    """

    def __init__(self, units: Iterable[Any]) -> None:
        super().__init__()
        self._units = list(units)

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        """All of them, in one bundle."""
        return root | "List" >> beam.Create(self._units, reshuffle=False)


class MakeParts(beam.PTransform):
    """Runs `make` on each unit; units are dealt out to all workers, parts come back.

    `make(unit)` writes the unit's files and returns their reports.  It must be
    idempotent: the same unit gives the same bytes.
    """

    def __init__(self, make: Callable[[Any], Iterable[Part]]) -> None:
        super().__init__()
        self._make = make

    def expand(self, units: beam.PCollection) -> beam.PCollection:
        """Units in, parts out."""
        return (
            units | "Deal" >> beam.Reshuffle() | "Make" >> beam.FlatMap(_parts_of, make=self._make)
        )


def _parts_of(unit: Any, make: Callable[[Any], Iterable[Part]]) -> Iterator[Part]:
    """The parts of a unit; what the system refuses becomes an error with a remedy."""
    try:
        yield from make(unit)
    except OSError as error:
        raise system_error(error) or error from error


class Gather(beam.PTransform):
    """All elements as one list, in no particular order: a barrier between two steps.

    An empty input gives one empty list, so the steps behind it always run once.
    """

    def expand(self, elements: beam.PCollection) -> beam.PCollection:
        """Elements in, one list out.  By a side input, which takes one task and no shuffle."""
        once = elements.pipeline | "Once" >> Units([None])
        return once | "All" >> beam.Map(_all, beam.pvalue.AsList(elements))


def _all(_once: None, elements: Iterable[Any]) -> list[Any]:
    return list(elements)


class Steps(beam.PTransform):
    """From the pipeline's root to the reports of all parts of all steps."""

    def __init__(self, steps: Iterable[Step]) -> None:
        super().__init__()
        self._steps = list(steps)

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection:
        """What is done goes from step to step as one list; in one process all is one transform."""
        done = root | "Begin" >> Units([()])
        if _is_one_process(root.pipeline):
            return done | "In turn" >> beam.FlatMap(_in_turn, self._steps)
        for step in self._steps:
            if step.alone:
                # Beam fuses it with the steps around it, into one task.
                done = done | step.name >> beam.Map(_with_step, step)
                continue
            made = done | f"{step.name}: plan" >> beam.FlatMap(step.plan)
            made = made | step.name >> MakeParts(step.make)
            done = done | f"{step.name}: done" >> beam.Map(_with, beam.pvalue.AsList(made))
        return done | "Parts" >> beam.FlatMap(list)


def _is_one_process(pipeline: beam.Pipeline) -> bool:
    """Whether nothing runs side by side, so that Beam has nothing to deal out."""
    options = pipeline.options.view_as(DirectOptions)
    return type(pipeline.runner) is FnApiRunner and options.direct_num_workers == 1


def _in_turn(before: Reports, steps: Sequence[Step]) -> Reports:
    """The reports of all parts of all steps."""
    return reduce(_with_step, steps, before)


def _with_step(before: Reports, step: Step) -> Reports:
    """With the reports of a step, one unit after the other."""
    units = step.plan(before)
    return _with(before, (part for unit in units for part in _parts_of(unit, step.make)))


def _with(before: Reports, latest: Iterable[Part]) -> Reports:
    return (*before, *latest)


class WriteManifest(beam.PTransform):
    """Gathers the parts of a stage and writes its manifest, the last file of all.

    `check` may refuse the finished manifest (an empty result) by raising, or add to it.
    """

    def __init__(
        self,
        folder: str,
        draft: Manifest,
        check: Callable[[Manifest], Manifest] = lambda manifest: manifest,
    ) -> None:
        super().__init__()
        self._folder, self._draft, self._check = folder, draft, check
        self._started = time.time()

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Parts in, one Manifest out."""
        return parts | Gather() | "Finish" >> beam.Map(self._finish)

    def _finish(self, parts: Sequence[Part]) -> Manifest:
        if self._draft.lease:
            self._draft.lease.confirm()
        manifest = self._check(complete(self._draft, parts, time.time() - self._started))
        manifest = write_manifest(self._folder, manifest)
        remove_unlisted(self._folder, manifest)
        return manifest


def complete(draft: Manifest, parts: Sequence[Part], seconds: float) -> Manifest:
    """The manifest of a finished stage from its draft and its parts."""
    counts, extra, audit = Counts(), dict(draft.extra), draft.audit
    for part in parts:
        counts += part.counts
        audit = add_audits(audit, part.audit) if part.audit else audit
        for name, number in part.extra.items():
            extra[name] = extra.get(name, 0) + number
    if not counts.balanced():
        raise WebtextError(
            f"Stage {draft.stage}: counts do not add up: {counts.model_dump(by_alias=True)}",
            "This is a bug of the stage: please report it with the recipe",
        )
    entries = sorted((part.file for part in parts if part.file), key=lambda entry: entry.name)
    return draft.model_copy(
        update={
            "counts": counts,
            "extra": dict(sorted(extra.items())),
            "audit": audit,
            "files": entries,
            "fingerprint": add_fingerprints(e.fingerprint for e in entries if e.fingerprint),
            "seconds": round(seconds, 3),
            "packages": versions(),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    )


def remove_unlisted(folder: str, manifest: Manifest) -> None:
    """Removes scratch, progress, files of an older build, and what killed runs left."""
    listed = {entry.name for entry in manifest.entries()} | manifest.own_names()
    for name in (WORK, PROGRESS):
        files.remove(files.join(folder, name))
    for path in files.listed(folder, "*"):
        if files.name_of(path) not in listed:
            files.remove(path)
    for path in files.leftovers(folder):
        files.remove(path)
