"""The quality stage measures every document once; the corpus stage decides, as often as wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import apache_beam as beam

from pipeline.corpus import Manifest
from pipeline.errors import WebtextError
from pipeline.parts import Part, work_key
from pipeline.quality.decide import rules_of
from pipeline.quality.settings import MeasureSettings, QualitySettings
from pipeline.quality.tables import DecideUnit, MeasureUnit, decide_part, measure_part
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


class QualityStage(Stage):
    """From documents to measurements."""

    name = "quality"
    version = "1"

    def settings(self, job: Job) -> MeasureSettings:
        """Nothing: thresholds do not change measurements."""
        return MeasureSettings()

    def inputs(self, job: Job) -> dict[str, str]:
        """The documents."""
        return {"documents": job.corpus.require("documents", job.interval).fingerprint}

    def total(self, job: Job) -> Total:
        """Documents to measure."""
        return Total(job.corpus.require("documents", job.interval).counts.kept, "documents")

    def transform(self, job: Job) -> PartByPart:
        """Measures part by part."""
        draft, folder = self.draft(job), self.folder(job)
        key = work_key(draft.code_version, sorted(draft.inputs.items()))
        units = [
            MeasureUnit(path, path.rsplit("/", 1)[-1], folder, key)
            for path in job.corpus.paths("documents", job.interval)
        ]
        return PartByPart(units, measure_part, folder, draft)


class CorpusStage(Stage):
    """From documents, duplicates and measurements to the corpus."""

    name = "corpus"
    version = "1"

    def settings(self, job: Job) -> QualitySettings:
        """The `[quality]` section: all thresholds."""
        return job.recipe.quality

    def inputs(self, job: Job) -> dict[str, str]:
        """All that is joined here."""
        stages = ("links", "documents", "dedup", "quality")
        return {name: job.corpus.require(name, job.interval).fingerprint for name in stages}

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
        rules = tuple(rules_of(self.settings(job)))
        measured = {p.rsplit("/", 1)[-1]: p for p in corpus.paths("quality", job.interval)}
        units = []
        for path in corpus.paths("documents", job.interval):
            name = path.rsplit("/", 1)[-1]
            units.append(
                DecideUnit(path, measured[name], duplicates, links, name, folder, key, rules)
            )
        return PartByPart(units, decide_part, folder, draft)
