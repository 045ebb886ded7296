"""The quality stage measures every document once; the corpus stage decides, as often as wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import apache_beam as beam

from pipeline import files
from pipeline.corpus import Manifest
from pipeline.errors import SettingError, WebtextError
from pipeline.parts import Part, work_key
from pipeline.quality.decide import rules_of
from pipeline.quality.settings import MeasureSettings, QualitySettings
from pipeline.quality.tables import DecideUnit, MeasureUnit, decide_part, measure_part
from pipeline.quality.takedown import read_takedown
from pipeline.sink import MakeParts, WriteManifest
from pipeline.stage import Job, Stage, Total


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
    version = "4"

    def settings(self, job: Job) -> MeasureSettings:
        """Evaluation sets and models; thresholds do not change measurements."""
        return job.recipe.quality.measured()

    def inputs(self, job: Job) -> dict[str, str]:
        """The documents, and the files that measures read."""
        found = {"documents": job.corpus.require("documents", job.interval).fingerprint}
        settings = self.settings(job)
        named = {f"evaluation set {s.name}": s.path for s in settings.sets}
        named["perplexity model"] = settings.perplexity_model or ""
        named["classifier"] = settings.classifier_model or ""
        return found | {name: _fingerprint(name, path) for name, path in named.items() if path}

    def total(self, job: Job) -> Total:
        """Documents to measure."""
        return Total(job.corpus.require("documents", job.interval).counts.kept, "documents")

    def transform(self, job: Job) -> PartByPart:
        """Measures part by part."""
        draft, folder = self.draft(job), self.folder(job)
        settings = self.settings(job)
        key = work_key(draft.settings_hash, draft.code_version, sorted(draft.inputs.items()))
        units = [
            MeasureUnit(path, path.rsplit("/", 1)[-1], folder, key, settings)
            for path in job.corpus.paths("documents", job.interval)
        ]
        return PartByPart(units, measure_part, folder, draft)


class CorpusStage(Stage):
    """From documents, duplicates and measurements to the corpus."""

    name = "corpus"
    version = "5"

    def settings(self, job: Job) -> QualitySettings:
        """The `[quality]` section: all thresholds."""
        return job.recipe.quality

    def inputs(self, job: Job) -> dict[str, str]:
        """All that is joined here, and the takedown list."""
        stages = ("links", "documents", "dedup", "quality")
        found = {name: job.corpus.require(name, job.interval).fingerprint for name in stages}
        path = job.recipe.quality.takedown.path
        return found | ({"takedown": _fingerprint("takedown list", path)} if path else {})

    def total(self, job: Job) -> Total:
        """Documents to decide on."""
        return Total(job.corpus.require("documents", job.interval).counts.kept, "documents")

    def transform(self, job: Job) -> PartByPart:
        """Decides part by part."""
        draft, folder, corpus = self.draft(job), self.folder(job), job.corpus
        inputs = sorted(draft.inputs.items())
        key = work_key(draft.settings_hash, draft.code_version, inputs)
        duplicates = tuple(corpus.paths("dedup", job.interval))
        links = tuple(corpus.paths("links", job.interval))
        host_lines = tuple(corpus.paths("dedup", job.interval, "hostlines-"))
        settings = self.settings(job)
        rules, takedown = tuple(rules_of(settings)), read_takedown(settings.takedown)
        replace = tuple(sorted(settings.pii.replace))
        measured = {p.rsplit("/", 1)[-1]: p for p in corpus.paths("quality", job.interval)}
        units = []
        for path in corpus.paths("documents", job.interval):
            name = path.rsplit("/", 1)[-1]
            units.append(
                DecideUnit(
                    documents=path,
                    measurements=measured[name],
                    duplicates=duplicates,
                    links=links,
                    host_lines=host_lines,
                    name=name,
                    folder=folder,
                    key=key,
                    rules=rules,
                    takedown=takedown,
                    replace=replace,
                )
            )
        return PartByPart(units, decide_part, folder, draft)
