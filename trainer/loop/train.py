"""`webtext train`: from a recipe and shards to a run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch

from pipeline.store.errors import SettingError, WebtextError
from trainer.data.shard_set import Shards, find_shards
from trainer.hf import from_hf, load_hf, to_hf
from trainer.loop.loop import Trainer
from trainer.models.gpt import GPT
from trainer.objectives import build_objective
from trainer.objectives.base import Objective
from trainer.objectives.streams import open_stream
from trainer.optim.schedule import check_schedule
from trainer.run.distributed import World, joined
from trainer.run.grow import grow
from trainer.run.run import RunFolder, Start, read_tokenizer, start_run, with_vocabulary
from trainer.settings.recipe import RunRecipe, read_run_recipe

#: What PyTorch says where a CPU has no memory left; only a GPU has an exception for it.
_CPU_EXHAUSTED = "can't allocate memory"


def train(
    recipe: str, data: str, overrides: Iterable[str], out: str | None, start: Start
) -> str | None:
    """Trains; returns the run's folder, None in all processes but the first.

    Raises SettingError as `start_run` does, WebtextError when memory is short.
    """
    read = read_run_recipe(recipe, overrides)
    check_schedule(read.schedule, read.train.steps)
    shards = find_shards(data)
    read = with_vocabulary(read, read_tokenizer(shards.tokenizer))
    folder = RunFolder(Path(out or f"runs/{Path(recipe).stem}"))
    with joined(read.train.device) as world:
        if world.first:
            start_run(folder, read, shards, start)
            if start != "new" and read.data.grow:
                grow(folder, read, shards)
        world.barrier()
        shards = shards.at(folder.facts().generations)
        try:
            _trainer(folder, read, shards, world).run()
        except RuntimeError as error:
            if not isinstance(error, torch.OutOfMemoryError) and _CPU_EXHAUSTED not in str(error):
                raise
            raise _out_of_memory(read, world) from error
    return str(folder.path) if world.first else None


def _trainer(folder: RunFolder, recipe: RunRecipe, shards: Shards, world: World) -> Trainer:
    stream = open_stream(recipe, shards, "train")
    validation = open_stream(recipe, shards, "validation") if shards.validation else None
    objective = build_objective(recipe, folder.facts().end_token, folder.tokenizer())
    objective.init_weights(recipe.train.seed)
    if recipe.train.init:
        _start_from(objective, recipe.train.init)
    return Trainer(folder, recipe, objective, (stream, validation), world)


def _start_from(objective: Objective, folder: str) -> None:
    model = getattr(objective, "model", None)
    if not isinstance(model, GPT):
        raise SettingError("train.init takes the weights of a GPT-2", "Leave it out")
    from_hf(model, to_hf(load_hf(folder)))


def _out_of_memory(recipe: RunRecipe, world: World) -> WebtextError:
    settings = recipe.train
    micro = settings.micro_batch or -(-settings.batch // world.size)
    remedy = (
        f"Set train.micro_batch={max(1, micro // 2)} (the result stays the same)"
        if micro > 1
        else "Set train.loss_chunk=1024, train.recompute=true, or train.parallel=fsdp on more GPUs"
    )
    return WebtextError(f"{world.device} ran out of memory at {micro} sequences at a time", remedy)
