"""The dedup stage: which documents are duplicates, of which, and how similar.

    evaluation sets -> what an earlier interval would have left
    documents -> lines that repeat across a host -> signatures -> keep order ->
    candidate pairs by band -> pairs close by signature -> components ->
    shingle sets from text -> decisions -> duplicate table

Each arrow is a step of units that exchange scratch files; only reports on them pass
through Beam.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import apache_beam as beam

from pipeline.dedup.batch import Batch, Decided, EvaluationFile, Source, names_of
from pipeline.dedup.decide import (
    DecideUnit,
    GroupUnit,
    decide,
    group,
    sets_units,
    write_sets,
)
from pipeline.dedup.evaluation import (
    as_decided,
    evaluation_file,
    evaluation_units,
    is_evaluation_file,
    sign_evaluation,
)
from pipeline.dedup.measure_lines import (
    lines_units,
    repeat_units,
    sample_lines,
    write_repeated,
)
from pipeline.dedup.order import arrange
from pipeline.dedup.removal import remove_pages
from pipeline.dedup.search import (
    band_units,
    compare,
    compare_units,
    search_band,
)
from pipeline.dedup.settings import DedupSettings
from pipeline.dedup.sign import sign, sign_units
from pipeline.dedup.write import WriteUnit, write
from pipeline.engine.sink import Gather, MakeParts, WriteManifest
from pipeline.engine.stage import Job, Stage, Total
from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.manifest import Manifest, table_of
from pipeline.store.parts import Part, unit_key
from pipeline.store.stage_edit import Removal, StageEdit


@dataclass(frozen=True)
class Step:
    """One step: `plan` makes its units from the reports of all steps before, `make` does one."""

    name: str
    plan: Callable[[list[Part], Batch], Iterable[Any]]
    make: Callable[[Any], Iterable[Part]]


def plan_order(_before: list[Part], batch: Batch) -> list[Batch]:
    """The keep order is one unit."""
    return [batch]


def plan_group(before: list[Part], batch: Batch) -> list[GroupUnit]:
    """The components are one unit."""
    return [GroupUnit(batch, tuple(names_of(before, "close-")))]


def plan_decide(before: list[Part], batch: Batch) -> list[DecideUnit]:
    """The slices of components."""
    slices = sum(part.extra.get("slices", 0) for part in before)
    edges, sets = tuple(names_of(before, "edges-")), tuple(names_of(before, "sets-"))
    return [DecideUnit(batch, part, slices, edges, sets) for part in range(slices)]


def plan_write(before: list[Part], batch: Batch) -> list[WriteUnit]:
    """The end is one unit; it takes over what the steps before have measured."""
    measured = {
        name: sum(part.extra.get(name, 0) for part in before) for name in ("candidates", "compared")
    }
    return [WriteUnit(batch, tuple(names_of(before, "decided-")), tuple(measured.items()))]


STEPS = (
    Step("Evaluation", evaluation_units, sign_evaluation),
    Step("Lines", lines_units, sample_lines),
    Step("Repeated", repeat_units, write_repeated),
    Step("Sign", sign_units, sign),
    Step("Order", plan_order, arrange),
    Step("Search", band_units, search_band),
    Step("Compare", compare_units, compare),
    Step("Group", plan_group, group),
    Step("Sets", sets_units, write_sets),
    Step("Decide", plan_decide, decide),
    Step("Write", plan_write, write),
)

#: What stays; all other files are scratch.
_FINAL = ("part", "register", "signatures", "hostlines", "clusters", "evaluation")


def is_final(part: Part) -> bool:
    """True for a file that belongs to the stage's result."""
    return part.file is not None and table_of(part.file.name) in _FINAL


class Dedup(beam.PTransform):
    """Decides the documents of `batch.sources` after and against its history.

    From the pipeline's root to one Manifest, completed from `draft`.  Several sources in
    one batch give the same removals as one batch after the other.
    """

    def __init__(self, batch: Batch, draft: Manifest) -> None:
        super().__init__()
        self.batch, self._draft = batch, draft

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        """Each step waits for the ones before and plans its units from their reports."""
        parts = root | beam.Create([], reshuffle=False)
        for step in STEPS:
            made = (
                parts
                | f"{step.name}: wait" >> Gather()
                | f"{step.name}: plan" >> beam.FlatMap(step.plan, batch=self.batch)
                | step.name >> MakeParts(step.make)
            )
            parts = (parts, made) | f"{step.name}: done" >> beam.Flatten()
        return (
            parts
            | "Result" >> beam.Filter(is_final)
            | WriteManifest(self.batch.folder, self._draft)
        )


class DedupStage(Stage):
    """Exact and near-duplicates of an interval, within it and against all before it."""

    name: ClassVar[str] = "dedup"
    version: ClassVar[str] = "3"
    unit_seconds = 0.001

    def settings(self, job: Job) -> DedupSettings:
        """The `[dedup]` section."""
        return job.section(DedupSettings)

    def inputs(self, job: Job) -> dict[str, str]:
        """Documents and karma of the interval; documents and decisions of all before it."""
        corpus = job.corpus
        found = {
            "documents": corpus.require("documents", job.interval).fingerprint,
            "links": corpus.require("links", job.interval).fingerprint,
        }
        for other, interval in self._before(job):
            prefix = "" if other == corpus else f"{other.root}/"
            for stage in ("documents", "dedup"):
                fingerprint = other.require(stage, interval).fingerprint
                found[f"{prefix}{stage}/{interval}"] = fingerprint
        for file in self._evaluation(job):
            found[file.path] = file.sha256
        return found

    def _evaluation(self, job: Job) -> tuple[EvaluationFile, ...]:
        """The files among `against`."""
        paths = filter(is_evaluation_file, self.settings(job).against)
        return tuple(evaluation_file(path, number) for number, path in enumerate(paths))

    def _before(self, job: Job) -> list[tuple[Corpus, str]]:
        """What was decided before, in keep order: other corpora, then earlier intervals."""
        found = []
        for root in self.settings(job).against:
            if is_evaluation_file(root):
                continue
            intervals = Corpus(root).intervals("dedup")
            if not intervals:
                raise SettingError(
                    f"dedup.against: {root} holds no deduplicated corpus",
                    "Name the root of a corpus whose stage dedup is built, or a file of texts",
                )
            found += [(Corpus(root), interval) for interval in intervals]
        earlier = job.corpus.intervals_before("dedup", job.interval)
        return found + [(job.corpus, interval) for interval in earlier]

    def total(self, job: Job) -> Total:
        """Documents of the interval."""
        return Total(job.corpus.require("documents", job.interval).counts.kept, "documents")

    def remove_pages(self, edit: StageEdit) -> Removal:
        """Removals, signatures and the keep order."""
        return remove_pages(edit)

    def transform(self, job: Job) -> Dedup:
        """The work on the interval, with the signatures that earlier intervals have left."""
        corpus, draft, settings = job.corpus, self.draft(job), self.settings(job)
        folder, evaluation = self.folder(job), self._evaluation(job)
        batch = Batch(
            folder=folder,
            version=self.version,
            key=unit_key(draft),
            settings=settings,
            history=(
                *(as_decided(file, folder) for file in evaluation),
                *(
                    self._decided(other, interval, settings)
                    for other, interval in self._before(job)
                ),
            ),
            sources=(source_of(corpus, job.interval),),
            evaluation=evaluation,
        )
        return Dedup(batch, draft)

    def _decided(self, corpus: Corpus, interval: str, settings: DedupSettings) -> Decided:
        """An earlier interval; WebtextError when its signatures cannot be compared."""
        manifest = corpus.require(self.name, interval)
        ours = settings.identity()
        for name in ("bands", "rows", "fold"):
            if manifest.settings.get(name) != ours[name]:
                raise WebtextError(
                    f"Interval {interval} of {corpus.root} was deduplicated with {name} = "
                    f"{manifest.settings.get(name)}, not {ours[name]}",
                    f"Take the same {name}, or build dedup of {interval} again with the new one",
                )
        if manifest.code_version != self.version:
            raise WebtextError(
                f"Interval {interval} of {corpus.root} was deduplicated by version "
                f"{manifest.code_version} of the stage, this one is {self.version}",
                f"Build dedup of {interval} again first",
            )
        return Decided(
            interval,
            documents=tuple(corpus.paths("documents", interval)),
            signatures=tuple(corpus.paths(self.name, interval, "signatures-")),
            registers=tuple(corpus.paths(self.name, interval, "register-")),
            removed=tuple(corpus.paths(self.name, interval)),
            host_lines=tuple(corpus.paths(self.name, interval, "hostlines-")),
        )


def source_of(corpus: Corpus, interval: str) -> Source:
    """The documents of an interval that are to be decided, and its links."""
    return Source(
        interval,
        documents=tuple(corpus.paths("documents", interval)),
        links=tuple(corpus.paths("links", interval)),
        fingerprint=corpus.require("documents", interval).fingerprint,
    )
