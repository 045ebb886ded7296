"""The dedup stage: which documents are duplicates, of which, and how similar.

    evaluation sets -> what an earlier interval would have left
    documents -> signatures -> keep order of those that passed quality's verdicts ->
    candidate pairs by band -> pairs close by signature -> components ->
    shingle sets from text -> decisions ->
    minimizers that pages share -> runs of words from text -> passages that go ->
    duplicate table, table of passages

So no document is removed for one that is not in the corpus.

Each arrow is a step of units that exchange scratch files; only reports on them pass
through Beam.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
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
from pipeline.dedup.order import arrange
from pipeline.dedup.passages.decide import cut_units, write_cuts
from pipeline.dedup.passages.minimizers import minimizer_units, write_minimizers
from pipeline.dedup.passages.runs import runs_units, write_runs
from pipeline.dedup.passages.share import ConnectUnit, connect, share_units, write_shared
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
from pipeline.engine.sink import WriteManifest
from pipeline.engine.stage import Job, Stage, Total
from pipeline.engine.steps import Step, Steps
from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.manifest import Manifest, add_fingerprints, table_of
from pipeline.store.parts import Part, unit_key, work_key
from pipeline.store.stage_edit import Removal, StageEdit

#: Units of a step, from the reports of all before it and the keyword `batch`.
Plan = Callable[..., Iterable[Any]]


def plan_order(_before: Sequence[Part], batch: Batch) -> list[Batch]:
    """The keep order is one unit."""
    return [batch]


def plan_group(before: Sequence[Part], batch: Batch) -> list[GroupUnit]:
    """The components are one unit."""
    return [GroupUnit(batch, tuple(names_of(before, "close-")))]


def plan_decide(before: Sequence[Part], batch: Batch) -> list[DecideUnit]:
    """The slices of components."""
    slices = sum(part.extra.get("slices", 0) for part in before)
    edges, sets = tuple(names_of(before, "edges-")), tuple(names_of(before, "sets-"))
    return [DecideUnit(batch, part, slices, edges, sets) for part in range(slices)]


def plan_connect(before: Sequence[Part], batch: Batch) -> list[ConnectUnit]:
    """The pages that share minimizers are one unit."""
    return [ConnectUnit(batch, tuple(names_of(before, "shared-")))]


def plan_write(before: Sequence[Part], batch: Batch) -> list[WriteUnit]:
    """The end is one unit; it takes over what the steps before have measured."""
    measured = {
        name: sum(part.extra.get(name, 0) for part in before) for name in ("candidates", "compared")
    }
    decided, gone = tuple(names_of(before, "decided-")), tuple(names_of(before, "gone-"))
    return [WriteUnit(batch, decided, gone, tuple(measured.items()))]


def steps_of(batch: Batch) -> tuple[Step, ...]:
    """The steps of a run."""

    def step(
        name: str, plan: Plan, make: Callable[[Any], Iterable[Part]], *, alone: bool = False
    ) -> Step:
        return Step(name, partial(plan, batch=batch), make, alone)

    passages = (
        step("Minimize", minimizer_units, write_minimizers),
        step("Share", share_units, write_shared),
        step("Connect", plan_connect, connect, alone=True),
        step("Runs", runs_units, write_runs),
        step("Cut", cut_units, write_cuts),
    )
    return (
        step("Evaluation", evaluation_units, sign_evaluation, alone=len(batch.evaluation) < 2),
        step("Sign", sign_units, sign),
        step("Order", plan_order, arrange, alone=True),
        step("Search", band_units, search_band),
        step("Compare", compare_units, compare),
        step("Group", plan_group, group, alone=True),
        step("Sets", sets_units, write_sets),
        step("Decide", plan_decide, decide),
        *(passages if batch.settings.passages.enabled else ()),
        step("Write", plan_write, write, alone=True),
    )


#: What stays; all other files are scratch.
_FINAL = ("part", "register", "signatures", "clusters", "minimizers", "passages")


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
        """Text is read by the steps Sign and Sets, and by Minimize and Runs for passages."""
        return (
            root
            | Steps(steps_of(self.batch))
            | "Result" >> beam.Filter(is_final)
            | WriteManifest(self.batch.folder, self._draft)
        )


class DedupStage(Stage):
    """Duplicates of an interval and passages, within it and against all before it."""

    name: ClassVar[str] = "dedup"
    version: ClassVar[str] = "5"
    unit_seconds = 0.001

    def settings(self, job: Job) -> DedupSettings:
        """The `[dedup]` section."""
        return job.section(DedupSettings)

    def inputs(self, job: Job) -> dict[str, str]:
        """Documents and verdicts of the interval; those of all before it and their duplicates."""
        corpus = job.corpus
        inputs = {
            stage: corpus.require(stage, job.interval).fingerprint
            for stage in ("documents", "quality")
        }
        for other, interval in self._before(job):
            prefix = "" if other == corpus else f"{other.root}/"
            for stage in ("documents", "quality", "dedup"):
                fingerprint = other.require(stage, interval).fingerprint
                inputs[f"{prefix}{stage}/{interval}"] = fingerprint
        for file in self._evaluation(job):
            inputs[file.path] = file.sha256
        return inputs

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
        """Documents to sign."""
        return Total(job.corpus.require("documents", job.interval).counts.kept, "documents")

    def remove_pages(self, edit: StageEdit) -> Removal:
        """Removals, passages, signatures and the keep order."""
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
                *(as_decided(file, folder, settings) for file in evaluation),
                *(
                    self._decided(other, interval, settings, own=other == corpus)
                    for other, interval in self._before(job)
                ),
            ),
            sources=(source_of(corpus, job.interval),),
            evaluation=evaluation,
        )
        return Dedup(batch, draft)

    def _decided(
        self, corpus: Corpus, interval: str, settings: DedupSettings, *, own: bool
    ) -> Decided:
        """An earlier interval; WebtextError when it cannot be compared."""
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
        _require_minimizers(manifest, corpus, settings)
        return Decided(
            interval,
            documents=tuple(corpus.paths("documents", interval)),
            signatures=tuple(corpus.paths(self.name, interval, "signatures-")),
            registers=tuple(corpus.paths(self.name, interval, "register-")),
            removed=tuple(corpus.paths(self.name, interval)),
            cuts=tuple(corpus.paths("quality", interval, "cuts-")),
            elsewhere="" if own else corpus.root,
            minimizers=tuple(corpus.paths(self.name, interval, "minimizers-")),
            passages=tuple(corpus.paths(self.name, interval, "passages-")),
        )


def _require_minimizers(manifest: Manifest, corpus: Corpus, settings: DedupSettings) -> None:
    """Raises WebtextError where passages are looked for and the interval has none as long."""
    words = (manifest.settings.get("passages") or {}).get("words")
    if settings.passages.enabled and words != settings.passages.words:
        had = "without passages" if words is None else f"with passages.words = {words}"
        raise WebtextError(
            f"Interval {manifest.interval} of {corpus.root} was deduplicated {had}, "
            f"not with passages.words = {settings.passages.words}",
            f"Build dedup of {manifest.interval} again with the same passages, or turn them off: "
            "--set dedup.passages.enabled=false",
        )


def source_of(corpus: Corpus, interval: str) -> Source:
    """The documents of an interval that are to be decided."""
    quality = corpus.require("quality", interval)
    cuts = add_fingerprints(e.fingerprint for e in quality.tables("cuts-") if e.fingerprint)
    return Source(
        interval,
        documents=tuple(corpus.paths("documents", interval)),
        verdicts=tuple(corpus.paths("quality", interval, "verdicts-")),
        cuts=tuple(corpus.paths("quality", interval, "cuts-")),
        fingerprint=work_key(corpus.require("documents", interval).fingerprint, cuts),
    )
