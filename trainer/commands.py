"""What the trainer's subcommands do; `trainer.cli` imports this late, as it needs torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import torch

from pipeline.errors import SettingError, WebtextError
from trainer.card import model_card
from trainer.config import RunRecipe, read_run_recipe
from trainer.data.shards import Shards, find_shards
from trainer.data.stream import Stream
from trainer.distributed import World, joined, pick_device
from trainer.eval.few_shot import FewShot
from trainer.eval.generate import Sampling, generate
from trainer.eval.loss import evaluate, token_bytes, unigram_entropy
from trainer.eval.pseudo import judge_pairs
from trainer.eval.tasks import read_items
from trainer.eval.zero_shot import judge
from trainer.grow import grow
from trainer.hf import from_hf, load_hf, save_encoder, save_hf, to_hf
from trainer.hf.runs import parts_of
from trainer.loop import Trainer
from trainer.models.gpt import GPT
from trainer.objectives import build_objective
from trainer.objectives.base import Objective
from trainer.optim.schedule import check_schedule
from trainer.run import Loaded, RunFolder, load_run, read_tokenizer, start_run, with_vocabulary
from trainer.streams import open_stream
from trainer.trace import Source, trace

Say = Callable[[str], None]
#: What PyTorch says where a CPU has no memory left; only a GPU has an exception for it.
_CPU_EXHAUSTED = "can't allocate memory"
#: Texts that are generated together: of GPT-2 124M, 16 hold 1.2 GB of keys and values in fp32.
_TEXTS = 16


def train(
    recipe: str, data: str, overrides: Iterable[str], out: str | None, resume: bool
) -> str | None:
    """Trains; returns the run's folder, None in all processes but the first."""
    read = read_run_recipe(recipe, overrides)
    check_schedule(read.schedule, read.train.steps)
    shards = find_shards(data)
    read = with_vocabulary(read, read_tokenizer(shards.tokenizer))
    folder = RunFolder(Path(out or f"runs/{Path(recipe).stem}"))
    with joined(read.train.device) as world:
        if world.first:
            start_run(folder, read, shards, resume)
            if resume and read.data.grow:
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


def evaluate_run(run: str, data: str | None, step: int | None, say: Say) -> dict[str, float]:
    """The whole validation split of the run's shards (or of `data`)."""
    with joined("auto") as world:
        loaded = load_run(run, world.device, step, say)
        shards = find_shards(data or loaded.facts.data)
        if data is None:
            shards = shards.at(loaded.facts.generations)
        if data is None and shards.fingerprint != loaded.facts.fingerprint:
            say("The shards have changed since the run began: these figures are on the new ones.")
        stream = open_stream(loaded.recipe, shards, "validation")
        bf16 = False
        sizes = token_bytes(loaded.folder.tokenizer_path)
        objective = loaded.objective
        result = evaluate(objective, objective, stream, 0, 16, world, bf16, sizes)
        if isinstance(stream, Stream):
            result["unigram_entropy"] = unigram_entropy(stream, loaded.recipe.model.vocab)
    return result


def generate_text(
    run: str,
    prompts: list[str],
    new: int,
    sampling: Sampling,
    step: int | None,
    say: Say,
    samples: int = 1,
) -> None:
    """Continues each prompt `samples` times, with the seeds from `sampling.seed` on.

    One text alone is streamed to `say` piece by piece; several are made together and come
    whole, each with its prompt and followed by an empty line.
    """
    loaded = load_run(run, pick_device("auto"), step, say)
    model = decoder(loaded)
    empty = [loaded.facts.end_token] if loaded.facts.end_token is not None else []
    encoded = [loaded.tokenizer.encode(prompt).ids or empty for prompt in prompts]
    wanted = [(ids, sampling.seed + n) for ids in encoded for n in range(samples)]
    for first in range(0, len(wanted), _TEXTS):
        texts = [list(ids) for ids, _ in wanted[first : first + _TEXTS]]
        seeds = [seed for _, seed in wanted[first : first + _TEXTS]]
        made = generate(model, texts, new, sampling, loaded.facts.end_token, seeds)
        if len(wanted) == 1:
            _stream(loaded, texts[0], (column[0] for column in made), say)
            return
        for tokens in made:
            for n, token in tokens.items():
                texts[n].append(token)
        for text in texts:
            say(f"{loaded.tokenizer.decode(text)}\n\n")


def judge_run(
    run: str, task: str, file: str, few: FewShot, limit: int, step: int | None, say: Say
) -> dict[str, float]:
    """Accuracy of a run on a task; `limit` takes the first items only (0: all)."""
    items = read_items(task, file)
    with joined("auto") as world:
        loaded = load_run(run, world.device, step, say)
        end = loaded.facts.end_token
        begin = end if end is not None else 0
        items = items[: limit or len(items)]
        if parts := parts_of(loaded.objective):
            return judge_pairs(parts[""], loaded.tokenizer, items, world)
        return judge(decoder(loaded), loaded.tokenizer, items, begin, few, world)


def export_run(run: str, folder: str, step: int | None, say: Say) -> None:
    """Writes the run's model in Hugging Face's format, with a model card."""
    loaded = load_run(run, torch.device("cpu"), step, say)
    tokenizer = loaded.folder.tokenizer_path
    card = model_card(loaded)
    for place, parts in (encoders := parts_of(loaded.objective)).items():
        save_encoder(parts, Path(folder) / place, tokenizer, card)
    if encoders:
        return
    save_hf(decoder(loaded), Path(folder), tokenizer, loaded.facts.end_token, card)


def trace_run(run: str, step: int, sample: int | None) -> list[Source]:
    """The documents of a step."""
    return trace(RunFolder(Path(run)), step, sample)


def decoder(loaded: Loaded) -> GPT:
    """The run's GPT; SettingError when the run has none to generate with."""
    model = getattr(loaded.objective, "model", None)
    if not isinstance(model, GPT):
        raise SettingError(f"{loaded.folder.path} is no GPT", "Only a decoder generates text")
    return model


def _stream(loaded: Loaded, ids: list[int], tokens: Iterable[int], say: Say) -> None:
    """Says the prompt's and the new tokens' text as soon as its characters are whole."""
    shown, said = "", list(ids)
    for token in tokens:
        said.append(token)
        text = loaded.tokenizer.decode(said)
        if not text.endswith("\ufffd"):  # half a character: wait for its other bytes
            say(text[len(shown) :])
            shown = text
    say("\n")
