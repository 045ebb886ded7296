"""A run goes on with more steps than it was started with.

The first steps of "constant" and "wsd" do not depend on how long a run is, so from a checkpoint
among them it becomes the longer run, to the last bit.  What had come after that checkpoint is
moved into a run of its own.  Rates of other schedules have fallen for the shorter length; such a
run goes on from its end, and is told so.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable

from pipeline.store.errors import SettingError
from trainer.optim.batch_schedule import Batches
from trainer.optim.schedule import length_matters_after
from trainer.run.checkpoint import Checkpoint, complete_checkpoints
from trainer.run.run import RunFolder
from trainer.settings.recipe import RunRecipe

Say = Callable[[str], None]


def extend(folder: RunFolder, recipe: RunRecipe, say: Say) -> None:
    """Makes a run ready to go on to `recipe.train.steps`, where it was started with others.

    Raises SettingError when more than those are done.
    """
    before = folder.recipe()
    checkpoints = complete_checkpoints(folder.checkpoints)
    if before.train.steps == recipe.train.steps or not checkpoints:
        return
    batches = Batches.of(recipe.train)
    last = checkpoints[-1]
    if last.consumed > batches.total:
        raise SettingError(
            f"train.steps = {recipe.train.steps}, but {folder.path} has done {last.step} steps",
            "Give more steps, or choose another --out",
        )
    shorter = min(before.train.steps, recipe.train.steps)
    same = length_matters_after(recipe.schedule, shorter) * batches.full
    usable = [one for one in checkpoints if one.consumed <= same]
    if not usable:
        say(
            f"{folder.path} goes on from step {last.step:,}, where the rate of "
            f'schedule.name = "{recipe.schedule.name}" has fallen for '
            f"{before.train.steps:,} steps: it now has another course than that of one long run."
        )
    elif usable[-1] != last:
        ended = _set_apart(folder, [one for one in checkpoints if one.consumed > same])
        say(
            f"{folder.path} goes on from step {usable[-1].step:,}, before its rate fell; what had "
            f"come after that is in {ended}."
        )


def _set_apart(folder: RunFolder, later: list[Checkpoint]) -> RunFolder:
    """Moves checkpoints, with all it takes to use them, into a run below the run's folder."""
    ended = RunFolder(folder.path / f"ended-{later[-1].step:08d}")
    ended.checkpoints.mkdir(parents=True, exist_ok=True)
    for name in ("run.json", "tokenizer.json", "token_counts.json", "log.jsonl"):
        if (folder.path / name).exists():
            shutil.copyfile(folder.path / name, ended.path / name)
    for found in later:
        found.folder.replace(ended.checkpoints / found.folder.name)
    return ended
