"""The steps of the pages stage: those of the source of pages, then the Wayback Machine's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pipeline.engine.stage_steps import Ending, StageSteps
from pipeline.engine.steps import Step, stays
from pipeline.pages.deal import plan_rescue, reached_something
from pipeline.pages.wayback import Rescue, rescue
from pipeline.store.manifest import Manifest


def plan_pages(
    steps: Sequence[Step], folder: str, draft: Manifest, fallback: Rescue | None = None
) -> StageSteps:
    """Ends links by the steps of their source; dead ones may be looked up afterwards.

    With a `fallback` the tables that the steps leave are scratch (`page_source.FIRST`).
    """
    # One unit asks the Wayback Machine, since it allows one connection.
    dead = [Step("Wayback", partial(plan_rescue, fallback), rescue, alone=True)] if fallback else []
    check = partial(reached_something, folder)
    return StageSteps((*steps, *dead), Ending(folder, draft, partial(filter, stays), check))
