"""How many sequences each step takes, and how far along the run is.

The position of a run is one number: the sequences consumed.  The batch may grow in
the beginning (GPT-3 paper, table 2.1: linearly from 32k tokens over the first 4 to 12
billion); it depends on that number alone, so any step's samples follow from it.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainer.settings.recipe import TrainSettings


@dataclass(frozen=True)
class Batches:
    """The batch sizes of a run."""

    full: int
    steps: int
    start: int
    warmup: float
    #: Full-batch steps after which the run pauses; 0: none.
    pause: int = 0

    @classmethod
    def of(cls, settings: TrainSettings) -> Batches:
        """From `[train]`."""
        return cls(
            settings.batch,
            settings.steps,
            settings.batch_start,
            settings.batch_warmup,
            settings.pause_after,
        )

    @property
    def total(self) -> int:
        """Sequences of the whole run."""
        return self.steps * self.full

    def at(self, consumed: int) -> int:
        """Sequences of the step that begins after `consumed`; 0 at the end or the pause.

        A pause cuts no step: what comes after it is what would have come without.
        """
        if self.pause and consumed >= self.pause * self.full:
            return 0
        size = self.full
        if self.start:
            grown = consumed / (self.warmup * self.full)
            size = min(size, int(self.start + grown * (self.full - self.start)))
        return min(size, self.total - consumed)

    def progress(self, consumed: int) -> float:
        """How far the run is, in steps of the full batch."""
        return consumed / self.full

    def position(self, step: int) -> int:
        """Sequences consumed before step `step`, counted from 0."""
        if not self.start:
            return min(step * self.full, self.total)
        consumed = 0
        for _ in range(step):
            consumed += self.at(consumed)
        return consumed

    def share(self, size: int, rank: int, world: int) -> range:
        """Which of the `size` sequences of a step process `rank` of `world` takes."""
        return range(size * rank // world, size * (rank + 1) // world)
