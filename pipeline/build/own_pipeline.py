"""A stage as a transform in a Beam pipeline that someone else makes and runs."""

from __future__ import annotations

import apache_beam as beam

from pipeline.build.build import ALL_STAGES, set_aside
from pipeline.build.recipe import Recipe
from pipeline.store import files
from pipeline.store.corpus import STAGES
from pipeline.store.errors import SettingError


def begin_stage(recipe: Recipe, name: str) -> beam.PTransform:
    """The stage's work, from a pipeline's root to a PCollection of one Manifest.

    What was there of the stage is kept aside, as in a build; no lock is taken.  Raises SettingError
    for a stage that there is none of, WebtextError where what it reads is not there.
    """
    if name not in STAGES:
        raise SettingError(f"There is no stage {name!r}", f"One of: {', '.join(STAGES)}")
    stage, job = ALL_STAGES[STAGES.index(name)], recipe.job()
    stage.check(job)
    transform = stage.transform(job)
    files.make_folder(stage.folder(job))
    set_aside(stage.folder(job))
    return transform
