"""Quality measures every document once and judges it; corpus writes what is accepted.

documents, links -> lines that repeat across a host -> cuts and measurements -> verdicts
documents, verdicts, cuts, duplicates -> corpus and decisions
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.engine.stage import Job, Stage, Total
from pipeline.quality.scorers.identity import scorer_fingerprint
from pipeline.quality.settings import TAKEDOWN, QualitySettings, VerdictSettings
from pipeline.store import files
from pipeline.store.errors import SettingError

if TYPE_CHECKING:
    from pipeline.engine.stage_steps import StageSteps
    from pipeline.store.stage_edit import Removal, StageEdit


def _fingerprint(name: str, path: str) -> str:
    """Of a file that the recipe names; SettingError when it is not there."""
    if not files.exists(path):
        raise SettingError(f"The {name} {path} does not exist", "Correct its path in [quality]")
    return files.content_fingerprint(path)


class QualityStage(Stage):
    """From documents to measurements and verdicts."""

    name = "quality"
    version = "8"
    byte_seconds = 2.3e-6
    page_seconds = 0.0083
    steps = 4

    def settings(self, job: Job) -> VerdictSettings:
        """The `[quality]` section and the measures; a threshold makes no measurement again."""
        quality = job.section(QualitySettings)
        return VerdictSettings(quality=quality, measured=quality.measured())

    def check(self, job: Job) -> None:
        """Files that the recipe names, and what reads them."""
        self._named(job)

    def inputs(self, job: Job) -> dict[str, str]:
        """The documents and their links, and the files that measures and verdicts read."""
        stages = ("links", "documents")
        inputs = {name: job.corpus.require(name, job.interval).fingerprint for name in stages}
        return inputs | self._named(job)

    def _named(self, job: Job) -> dict[str, str]:
        """Fingerprints of the files that the recipe names."""
        settings = self.settings(job)
        named = settings.measured.files() | {TAKEDOWN: settings.quality.takedown.path or ""}
        scorers = settings.quality.scorers.items()
        return {
            **{name: _fingerprint(name, path) for name, path in named.items() if path},
            **{f"scorer {name}": scorer_fingerprint(one) for name, one in scorers},
        }

    def total(self, job: Job) -> Total:
        """Documents to measure."""
        return Total(job.corpus.require("documents", job.interval).counts.kept, "documents")

    def remove_pages(self, edit: StageEdit) -> Removal:
        """Measurements, verdicts and cuts."""
        from pipeline.quality.removal import remove_measured

        return remove_measured(edit)

    def plan(self, job: Job) -> StageSteps:
        """All steps."""
        from pipeline.quality.steps import Quality

        return Quality(job, self.folder(job), self.draft(job)).plan()


class CorpusStage(Stage):
    """From documents, verdicts and duplicates to the corpus."""

    name = "corpus"
    version = "6"
    byte_seconds = 5.8e-7
    page_seconds = 0.0019

    def settings(self, job: Job) -> QualitySettings:
        """The `[quality]` section: all thresholds."""
        return job.section(QualitySettings)

    def inputs(self, job: Job) -> dict[str, str]:
        """All that is put together here."""
        stages = ("documents", "quality", "dedup")
        return {name: job.corpus.require(name, job.interval).fingerprint for name in stages}

    def total(self, job: Job) -> Total:
        """Documents to decide on."""
        return Total(job.corpus.require("documents", job.interval).counts.kept, "documents")

    def remove_pages(self, edit: StageEdit) -> Removal:
        """Texts and decisions."""
        from pipeline.quality.removal import remove_decided

        return remove_decided(edit)

    def plan(self, job: Job) -> StageSteps:
        """One unit a part of documents."""
        from pipeline.quality.steps import plan_corpus

        return plan_corpus(job, self.folder(job), self.draft(job))
