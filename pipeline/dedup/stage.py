"""The dedup stage: which documents are duplicates, of which, and how similar.

The steps are in `steps.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pipeline.dedup.batch import Batch, Decided, EvaluationFile, Source
from pipeline.dedup.evaluation_file import (
    as_decided,
    evaluation_file,
    is_evaluation_file,
)
from pipeline.dedup.settings import DedupSettings
from pipeline.engine.stage import Job, Stage, Total
from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.manifest import Manifest, add_fingerprints
from pipeline.store.parts import unit_key, work_key

if TYPE_CHECKING:
    from pipeline.engine.stage_steps import StageSteps
    from pipeline.store.stage_edit import Removal, StageEdit


class DedupStage(Stage):
    """Duplicates of an interval and passages, within it and against all before it."""

    name: ClassVar[str] = "dedup"
    version: ClassVar[str] = "5"
    byte_seconds = 7e-7
    page_seconds = 0.0021
    steps = 11

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
        from pipeline.dedup.removal import remove_pages

        return remove_pages(edit)

    def plan(self, job: Job) -> StageSteps:
        """The work on the interval, with the signatures that earlier intervals have left."""
        from pipeline.dedup.steps import plan_dedup

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
        return plan_dedup(batch, draft)

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
