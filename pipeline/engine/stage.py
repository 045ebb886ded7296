"""What every stage has in common: the protocol that `build.py` drives.

A stage says which settings and inputs decide its result (so that it can be told
whether it is up to date) and plans the steps of its work.  As a Beam transform they
start from the pipeline's root and end in the stage's manifest, written last of all:
so a stage is one pipeline on any runner.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar

from pipeline.store.corpus import Corpus
from pipeline.store.lease import Lease
from pipeline.store.manifest import Counts, Manifest
from pipeline.store.progress import Total
from pipeline.store.settings import Settings

if TYPE_CHECKING:
    import apache_beam as beam

    from pipeline.engine.stage_steps import StageSteps
    from pipeline.store.stage_edit import Removal, StageEdit

__all__ = ["Effort", "Job", "Stage", "Total"]

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Job:
    """One stage run: for which corpus and interval, with which settings."""

    corpus: Corpus
    interval: str
    #: The sections of the recipe.  A stage knows its own by its class, and no other.
    sections: tuple[Settings, ...]
    #: The runner's name, for the manifest only.
    runner: str = "local"
    #: How many processes carry the work, as far as the recipe tells.
    workers: int = 1
    #: Outcomes of links that are asked for again at once (`webtext build --retry`).
    retry: tuple[str, ...] = ()
    #: The right to write into a corpus on an object store.
    lease: Lease | None = None

    def section(self, kind: type[S]) -> S:
        """The section of the recipe that is of class `kind`."""
        return next(section for section in self.sections if type(section) is kind)


@dataclass(frozen=True)
class Effort:
    """What a stage takes, roughly: by it workers are worth their start, or are not."""

    #: On one core.
    seconds: float
    #: Units of work that can be done side by side.
    units: int
    #: Steps that wait for each other.
    steps: int = 1


class Stage(ABC):
    """One row of the table of stages.  Subclasses live in `pipeline/STAGE/stage.py`."""

    name: ClassVar[str]
    #: Raised by hand when the stage's code gives another result on the same input.
    version: ClassVar[str]
    #: The stage whose parts it reads, one a unit of work, and seconds on one core for a byte of
    #: them, packed (`benchmarks/costs.py`).
    reads: ClassVar[str] = "documents"
    byte_seconds: ClassVar[float]
    #: The same for a page, roughly, where nothing but their number is known.
    page_seconds: ClassVar[float] = 0.0
    #: Steps that wait for each other.
    steps: ClassVar[int] = 1

    def folder(self, job: Job) -> str:
        """Where the stage writes."""
        return job.corpus.folder(self.name, job.interval)

    @abstractmethod
    def settings(self, job: Job) -> Settings:
        """The settings that decide what comes out."""

    @abstractmethod
    def inputs(self, job: Job) -> dict[str, str]:
        """What the stage reads, by name, each with its fingerprint.

        Raises WebtextError when an input is not there.
        """

    def draft(self, job: Job) -> Manifest:
        """The manifest before the work: all that is known without results."""
        settings = self.settings(job)
        return Manifest(
            stage=self.name,
            interval=job.interval,
            settings=settings.identity(),
            settings_hash=settings.digest(),
            inputs=self.inputs(job),
            code_version=self.version,
            runner=job.runner,
            counts=Counts(),
            files=[],
            fingerprint="",
            lease=job.lease,
        )

    @abstractmethod
    def remove_pages(self, edit: StageEdit) -> Removal:
        """Takes pages out of the files of the finished stage; returns what left it.

        Here a stage says which of its files hold ids, and how a row leaves them.
        """

    def check(self, job: Job) -> None:
        """What can be known to be missing before a build begins, which may take days.

        Raises WebtextError with what to do.
        """
        return

    def left_over(self, job: Job, manifest: Manifest) -> str | None:
        """Why a finished stage has more to do by itself, in words; None when it has not."""
        return None

    def account(self, manifest: Manifest) -> list[str]:
        """What a build says of a finished stage at its end, line by line, beside its warnings."""
        return []

    @abstractmethod
    def total(self, job: Job) -> Total:
        """How much there is to do."""

    def pages_ahead(self, job: Job) -> int:
        """How many pages it may lead to, roughly, where that says what later stages take.

        If these are worth workers, they start beside it.
        """
        return 0

    def warm_up(self, job: Job) -> Callable[[], object] | None:
        """What a worker may do before the stage begins, in place of its first unit."""
        return None

    def effort(self, job: Job) -> Effort:
        """What it takes, by the parts that it reads."""
        parts = job.corpus.require(self.reads, job.interval).tables("part-")
        seconds = sum(part.bytes for part in parts) * self.byte_seconds
        return Effort(seconds, len(parts), self.steps)

    @abstractmethod
    def plan(self, job: Job) -> StageSteps:
        """The steps of the work, and the manifest that ends it."""

    def transform(self, job: Job) -> beam.PTransform:
        """The work: from the pipeline's root to a PCollection of one Manifest."""
        from pipeline.engine.sink import StageTransform  # imports Beam

        return StageTransform(self.plan(job))
