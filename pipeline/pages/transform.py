"""The Beam transform of the pages stage: the steps of the source of pages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import apache_beam as beam

from pipeline.engine.sink import Gather, MakeParts, Steps, WriteManifest
from pipeline.engine.steps import Step
from pipeline.pages import wayback
from pipeline.pages.deal import is_first_table, plan_rescue, reached_something, rescue_parts
from pipeline.store.manifest import WORK, Manifest
from pipeline.store.parts import Part


class Pages(beam.PTransform):
    """Ends links by the steps of their source: root in, one Manifest out.

    Dead links may be looked up in between: with a `fallback` the tables that the steps leave are
    scratch (`page_source.FIRST`).
    """

    def __init__(
        self,
        steps: Sequence[Step],
        folder: str,
        draft: Manifest,
        fallback: wayback.Rescue | None = None,
    ) -> None:
        super().__init__()
        self._steps, self._folder, self._draft = list(steps), folder, draft
        self._fallback = fallback

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        """One unit asks the Wayback Machine, since it allows one connection."""
        parts = root | Steps(self._steps) | "Result" >> beam.Filter(_is_result)
        if self._fallback:
            parts = (
                parts
                | "All ended" >> Gather()
                | "Dead links" >> beam.Map(partial(plan_rescue, self._fallback))
                | "Wayback" >> MakeParts(rescue_parts)
            )
        check = partial(reached_something, self._folder)
        return parts | "Manifest" >> WriteManifest(self._folder, self._draft, check)


def _is_result(part: Part) -> bool:
    """Whether a part is of the last step: a table, also one to be gone through, or an archive."""
    is_scratch = part.file is not None and part.file.name.startswith(f"{WORK}/")
    return not is_scratch or is_first_table(part)
