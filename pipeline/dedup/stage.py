"""The dedup stage: which documents are duplicates, of which, and how similar.

    documents -> lines that repeat across a host -> signatures -> keep order ->
    candidate pairs by band -> pairs close by signature -> components ->
    shingle sets from text -> decisions -> duplicate table

Each arrow is a step of units that exchange scratch files; only reports on them pass
through Beam.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, ClassVar

import apache_beam as beam

from pipeline.corpus import Corpus, Manifest
from pipeline.dedup.batch import Batch, Decided, Source, names_of
from pipeline.dedup.decide import (
    DecideUnit,
    GroupUnit,
    SetsUnit,
    decide,
    group,
    sets_units,
    write_sets,
)
from pipeline.dedup.measure_lines import (
    lines_units,
    repeat_units,
    sample_lines,
    write_repeated,
)
from pipeline.dedup.order import arrange
from pipeline.dedup.search import (
    BandUnit,
    CompareUnit,
    band_units,
    compare,
    compare_units,
    search_band,
)
from pipeline.dedup.settings import DedupSettings
from pipeline.dedup.sign import SignUnit, sign
from pipeline.dedup.write import WriteUnit, write
from pipeline.errors import WebtextError
from pipeline.parts import Part, work_key
from pipeline.sink import Gather, MakeParts, WriteManifest
from pipeline.stage import Job, Stage, Total


class Dedup(beam.PTransform):
    """Decides the documents of `batch.sources` after and against its history.

    From the pipeline's root to one Manifest, completed from `draft`.  Several sources in
    one batch give the same removals as one batch after the other.
    """

    def __init__(self, batch: Batch, draft: Manifest) -> None:
        super().__init__()
        self._batch, self._draft = batch, draft

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        """Ten steps; each waits for the one before and plans its units from its reports."""
        version = self._draft.code_version
        units = lines_units(self._batch, version)
        sampled = root | "Documents" >> beam.Create(units) | "Lines" >> MakeParts(sample_lines)
        plan_repeat, plan_sign = (partial(p, version=version) for p in (repeat_units, sign_units))
        repeated = self._step("Repeat", sampled, plan_repeat, write_repeated)
        signed = self._step("Sign", repeated, plan_sign, sign)
        ordered = self._step("Order", signed, plan_order, arrange)
        pairs = self._step("Search", ordered, plan_search, search_band)
        close = self._step("Compare", pairs, plan_compare, compare)
        grouped = self._step("Group", close, plan_group, group)
        sets = self._step("Shingle", grouped, plan_sets, write_sets)
        ready = (grouped, sets) | "Ready" >> beam.Flatten()
        decided = self._step("Decide", ready, plan_decide, decide)
        reports = (close, decided) | "Reports" >> beam.Flatten()
        written = self._step("Write", reports, plan_write, write)
        finished = (repeated, signed, written) | "Finished" >> beam.Flatten()
        return finished | WriteManifest(self._batch.folder, self._draft)

    def _step(
        self,
        name: str,
        before: beam.PCollection,
        plan: Callable[..., Iterable[Any]],
        make: Callable[[Any], Iterable[Part]],
    ) -> beam.PCollection:
        return (
            before
            | f"{name}: wait" >> Gather()
            | f"{name}: plan" >> beam.FlatMap(partial(plan, batch=self._batch))
            | name >> MakeParts(make)
        )


def sign_units(_repeated: list[Part], batch: Batch, version: str) -> list[SignUnit]:
    """One unit a documents part; its key leaves out all that decides later steps only."""
    settings = batch.settings
    names, decided_by = iter(batch.signature_names()), settings.host_lines.digest()
    tables = iter(batch.host_lines()[-len(batch.signature_names()) :])
    return [
        SignUnit(
            documents=path,
            host_lines=next(tables),
            folder=batch.folder,
            name=next(names),
            key=work_key(
                version, settings.bands, settings.rows, decided_by, source.fingerprint, path
            ),
            settings=settings,
        )
        for source in batch.sources
        for path in source.documents
    ]


def plan_order(_signed: list[Part], batch: Batch) -> list[Batch]:
    """The keep order is one unit."""
    return [batch]


def plan_search(_ordered: list[Part], batch: Batch) -> list[BandUnit]:
    """Slices of bands."""
    return band_units(batch)


def plan_compare(pairs: list[Part], batch: Batch) -> list[CompareUnit]:
    """Ranges of documents, by the number of pairs."""
    return compare_units(batch, pairs)


def plan_group(close: list[Part], batch: Batch) -> list[GroupUnit]:
    """The components are one unit."""
    return [GroupUnit(batch, tuple(names_of(close, "close-")))]


def plan_sets(_grouped: list[Part], batch: Batch) -> list[SetsUnit]:
    """All documents parts of history and batch; those without candidates are not read."""
    return sets_units(batch)


def plan_decide(ready: list[Part], batch: Batch) -> list[DecideUnit]:
    """The slices of components."""
    slices = sum(part.extra.get("slices", 0) for part in ready)
    edges, sets = tuple(names_of(ready, "edges-")), tuple(names_of(ready, "sets-"))
    return [DecideUnit(batch, part, slices, edges, sets) for part in range(slices)]


def plan_write(reports: list[Part], batch: Batch) -> list[WriteUnit]:
    """The end is one unit; it takes over what the steps before have measured."""
    measured = {
        name: sum(part.extra.get(name, 0) for part in reports)
        for name in ("candidates", "compared")
    }
    return [WriteUnit(batch, tuple(names_of(reports, "decided-")), tuple(measured.items()))]


class DedupStage(Stage):
    """Exact and near-duplicates of an interval, within it and against all before it."""

    name: ClassVar[str] = "dedup"
    version: ClassVar[str] = "1"

    def settings(self, job: Job) -> DedupSettings:
        """The `[dedup]` section."""
        return job.recipe.dedup

    def inputs(self, job: Job) -> dict[str, str]:
        """Documents and karma of the interval; documents and decisions of all before it."""
        corpus = job.corpus
        found = {
            "documents": corpus.require("documents", job.interval).fingerprint,
            "links": corpus.require("links", job.interval).fingerprint,
        }
        for interval in corpus.intervals_before("dedup", job.interval):
            for stage in ("documents", "dedup"):
                found[f"{stage}/{interval}"] = corpus.require(stage, interval).fingerprint
        return found

    def total(self, job: Job) -> Total:
        """Documents of the interval."""
        return Total(job.corpus.require("documents", job.interval).counts.kept, "documents")

    def transform(self, job: Job) -> Dedup:
        """The work on the interval, with the signatures that earlier intervals have left."""
        corpus, draft, settings = job.corpus, self.draft(job), self.settings(job)
        batch = Batch(
            folder=self.folder(job),
            key=work_key(draft.settings_hash, draft.code_version, sorted(draft.inputs.items())),
            settings=settings,
            history=tuple(
                self._decided(corpus, interval, settings)
                for interval in corpus.intervals_before("dedup", job.interval)
            ),
            sources=(source_of(corpus, job.interval),),
        )
        return Dedup(batch, draft)

    def _decided(self, corpus: Corpus, interval: str, settings: DedupSettings) -> Decided:
        """An earlier interval; WebtextError when its signatures cannot be compared."""
        manifest = corpus.require(self.name, interval)
        for name in ("bands", "rows"):
            if manifest.settings.get(name) != getattr(settings, name):
                raise WebtextError(
                    f"Interval {interval} was deduplicated with {name} = "
                    f"{manifest.settings.get(name)}, not {getattr(settings, name)}",
                    f"Take the same {name}, or build dedup of {interval} again with the new ones",
                )
        if manifest.code_version != self.version:
            raise WebtextError(
                f"Interval {interval} was deduplicated by version {manifest.code_version} of the "
                f"stage, this one is {self.version}",
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
