"""The quality stage measures every document once; the corpus stage decides, as often as wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import apache_beam as beam

from pipeline.engine.sink import Gather, MakeParts, WriteManifest
from pipeline.engine.stage import Job, Stage, Total
from pipeline.quality.decide import require_measured, rules_of
from pipeline.quality.join import DOCUMENTS_A_UNIT, JoinUnit, batches_of, join
from pipeline.quality.measure import MEASURES
from pipeline.quality.removal import remove_decided, remove_measured
from pipeline.quality.settings import MeasureSettings, QualitySettings
from pipeline.quality.tables import AcceptUnit, MeasureUnit, decide_part, measure_part
from pipeline.store import files
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.manifest import WORK, Manifest
from pipeline.store.parquet import open_table
from pipeline.store.parts import Part, unit_key
from pipeline.store.stage_edit import Removal, StageEdit
from pipeline.store.takedown import read_takedown


class PartByPart(beam.PTransform):
    """One part of documents in, its parts out; ends in the manifest."""

    def __init__(
        self,
        units: Sequence[Any],
        make: Callable[[Any], Iterable[Part]],
        folder: str,
        draft: Manifest,
    ) -> None:
        super().__init__()
        self._units, self._make = list(units), make
        self._folder, self._draft = folder, draft

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        """Units are independent of each other."""
        return (
            root
            | "Parts" >> beam.Create(self._units)
            | "Each" >> MakeParts(self._make)
            | "Manifest" >> WriteManifest(self._folder, self._draft, something_kept)
        )


class Decide(beam.PTransform):
    """Documents joined with other tables, then decided on part by part; ends in the manifest."""

    def __init__(
        self, joins: Sequence[JoinUnit], units: Sequence[AcceptUnit], folder: str, draft: Manifest
    ) -> None:
        super().__init__()
        self._joins, self._plan = list(joins), partial(_after_all, list(units))
        self._folder, self._draft = folder, draft

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        """Parts wait for all joins: what one writes is scratch, and no part of the result."""
        return (
            root
            | "Joins" >> beam.Create(self._joins)
            | "Join" >> MakeParts(join)
            | "All joined" >> Gather()
            | "Plan" >> beam.FlatMap(self._plan)
            | "Each" >> MakeParts(decide_part)
            | "Manifest" >> WriteManifest(self._folder, self._draft, something_kept)
        )


def _after_all(units: list[AcceptUnit], _joined: Sequence[Part]) -> list[AcceptUnit]:
    return units


def something_kept(manifest: Manifest) -> Manifest:
    """Refuses a result without documents."""
    if manifest.counts.kept == 0:
        drops = sorted(manifest.counts.dropped.items(), key=lambda item: -item[1])
        said = ", ".join(f"{n:,} {reason}" for reason, n in drops) or "there were none"
        raise WebtextError(
            f"Stage {manifest.stage} keeps none of {manifest.counts.seen:,} documents: {said}",
            "Relax the first reason's threshold in [quality], or look at the documents with "
            "`webtext show ROOT documents`",
        )
    return manifest


def _fingerprint(name: str, path: str) -> str:
    """Of a file that the recipe names; SettingError when it is not there."""
    if not files.exists(path):
        raise SettingError(f"The {name} {path} does not exist", "Correct its path in [quality]")
    return files.content_fingerprint(path)


class QualityStage(Stage):
    """From documents to measurements."""

    name = "quality"
    version = "5"
    unit_seconds = 0.0032

    def settings(self, job: Job) -> MeasureSettings:
        """Which measures there are and what they read; thresholds change no measurement."""
        return job.section(QualitySettings).measured()

    def inputs(self, job: Job) -> dict[str, str]:
        """The documents, and the files that measures read."""
        documents = job.corpus.require("documents", job.interval).fingerprint
        named = self.settings(job).files().items()
        return {"documents": documents} | {name: _fingerprint(name, path) for name, path in named}

    def total(self, job: Job) -> Total:
        """Documents to measure."""
        return Total(job.corpus.require("documents", job.interval).counts.kept, "documents")

    def remove_pages(self, edit: StageEdit) -> Removal:
        """Measurements."""
        return remove_measured(edit)

    def transform(self, job: Job) -> PartByPart:
        """Measures part by part."""
        draft, folder = self.draft(job), self.folder(job)
        settings = self.settings(job)
        key = unit_key(draft)
        units = [
            MeasureUnit(path, path.rsplit("/", 1)[-1], folder, key, settings)
            for path in job.corpus.paths("documents", job.interval)
        ]
        return PartByPart(units, measure_part, folder, draft)


class CorpusStage(Stage):
    """From documents, duplicates and measurements to the corpus."""

    name = "corpus"
    version = "5"
    unit_seconds = 0.0008

    def settings(self, job: Job) -> QualitySettings:
        """The `[quality]` section: all thresholds."""
        return job.section(QualitySettings)

    def inputs(self, job: Job) -> dict[str, str]:
        """All that is joined here, and the takedown list."""
        stages = ("links", "documents", "dedup", "quality")
        inputs = {name: job.corpus.require(name, job.interval).fingerprint for name in stages}
        path = job.section(QualitySettings).takedown.path
        return inputs | ({"takedown": _fingerprint("takedown list", path)} if path else {})

    def total(self, job: Job) -> Total:
        """Documents to decide on."""
        return Total(job.corpus.require("documents", job.interval).counts.kept, "documents")

    def remove_pages(self, edit: StageEdit) -> Removal:
        """Texts and decisions."""
        return remove_decided(edit)

    def transform(self, job: Job) -> Decide:
        """Joins many parts at once, decides part by part."""
        draft = self.draft(job)
        units = self._units(job, draft)
        return Decide(self._joins(job, units), units, self.folder(job), draft)

    def _joins(self, job: Job, units: Sequence[AcceptUnit]) -> list[JoinUnit]:
        """One unit for as many parts as memory bears."""
        corpus = job.corpus
        entries = corpus.require("documents", job.interval).tables("part-")
        duplicates, links = (
            tuple(corpus.paths(stage, job.interval)) for stage in ("dedup", "links")
        )
        return [
            JoinUnit(
                documents=tuple(unit.documents for unit in units[some]),
                joined=tuple(unit.joined for unit in units[some]),
                duplicates=duplicates,
                links=links,
                folder=self.folder(job),
                key=units[0].key,
                mentions=bool(units[0].takedown.reddit),
            )
            for some in batches_of([entry.rows for entry in entries], DOCUMENTS_A_UNIT)
        ]

    def _units(self, job: Job, draft: Manifest) -> list[AcceptUnit]:
        """One unit a part of documents, in their order."""
        corpus, settings = job.corpus, self.settings(job)
        key = unit_key(draft)
        host_lines = tuple(corpus.paths("dedup", job.interval, "hostlines-"))
        rules, takedown = tuple(rules_of(settings)), read_takedown(settings.takedown)
        measured = {p.rsplit("/", 1)[-1]: p for p in corpus.paths("quality", job.interval)}
        for path in list(measured.values())[:1]:
            with open_table(path) as table:
                names = table.schema_arrow.names
            require_measured(rules, names, f"Stage quality of {job.interval}")
        families = settings.families().items()
        editing = tuple((name, limits) for name, limits in families if MEASURES.get(name).edits)
        named = [(p.rsplit("/", 1)[-1], p) for p in corpus.paths("documents", job.interval)]
        return [
            AcceptUnit(
                documents=path,
                measurements=measured[name],
                joined=f"{WORK}/{name.replace('part-', 'joined-', 1)}",
                host_lines=host_lines,
                name=name,
                folder=self.folder(job),
                key=key,
                rules=rules,
                takedown=takedown,
                editing=editing,
            )
            for name, path in named
        ]
