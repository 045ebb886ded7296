"""`webtext train`: from a recipe and shards to a run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from rich.console import Console

from pipeline.store.errors import WebtextError
from trainer.data.shard_set import Shards, find_shards
from trainer.data.tokenizers import read_tokenizer
from trainer.hf.open_encoder import give_teacher
from trainer.hf.start import start_from
from trainer.loop.loop import Trainer
from trainer.objectives import build_objective, open_stream
from trainer.optim.schedule import check_schedule
from trainer.run.begin import start_run
from trainer.run.checkpoint import complete_checkpoints
from trainer.run.distributed import World, joined, wants_fp8
from trainer.run.grow import grow
from trainer.run.run import RunFolder, Start, with_vocabulary
from trainer.run.token_counts import token_counts
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
    with joined(read.train.device) as world:
        folder = train_in(world, read, data, Path(out or f"runs/{Path(recipe).stem}"), start)
    return str(folder.path) if world.first else None


def train_in(world: World, recipe: RunRecipe, data: str, out: Path, start: Start) -> RunFolder:
    """Trains in processes that have joined already."""
    check_schedule(recipe.schedule, recipe.train.steps)
    wants_fp8(recipe.train, world.device)  # says no before anything is written
    shards = find_shards(data)
    recipe = with_vocabulary(recipe, read_tokenizer(shards.tokenizer))
    folder = RunFolder(out)
    if world.first:
        start_run(folder, recipe, shards, start, _warn)
        if start != "new" and recipe.data.grow:
            grow(folder, recipe, shards)
    world.barrier()
    shards = shards.at(folder.facts().generations)
    try:
        _trainer(folder, recipe, shards, world).run()
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and _CPU_EXHAUSTED not in str(error):
            raise
        raise _out_of_memory(recipe, world) from error
    return folder


def _warn(text: str) -> None:
    Console(stderr=True, soft_wrap=True, markup=False).print(text, highlight=False)


def _trainer(folder: RunFolder, recipe: RunRecipe, shards: Shards, world: World) -> Trainer:
    stream = open_stream(recipe, shards, "train")
    validation = open_stream(recipe, shards, "validation") if shards.validation else None
    objective = build_objective(recipe, folder.facts().end_token, folder.tokenizer())
    if objective.wants_counts:
        objective.know_counts(token_counts(folder.counts_path, stream, recipe, world))
    give_teacher(objective, recipe, folder.tokenizer_path, _warn)
    objective.init_weights(recipe.train.seed)
    if recipe.train.init and not complete_checkpoints(folder.checkpoints):
        left = start_from(objective, recipe.train.init, folder.tokenizer_path)
        if left and world.first:
            _warn(f"Not in {recipe.train.init}, so first weights are kept: {', '.join(left)}")
    return Trainer(folder, recipe, objective, (stream, validation), world)


def _out_of_memory(recipe: RunRecipe, world: World) -> WebtextError:
    settings = recipe.train
    micro = settings.micro_batch or -(-settings.batch // world.size)
    remedy = (
        f"Set train.micro_batch={max(1, micro // 2)} (the result stays the same)"
        if micro > 1
        else "Set train.loss_chunk=1024, train.recompute=true, or train.parallel=fsdp on more GPUs"
    )
    return WebtextError(f"{world.device} ran out of memory at {micro} sequences at a time", remedy)
