"""What a run will cost, before any of it is run: `webtext plan train`.  Needs no torch.

Counting follows the papers: GPT-3's table D.1 takes 6 operations a parameter and token;
PaLM's appendix B adds attention's 12 * layers * width * context.  Activations are those
of Korthikanti et al. 2022, "Reducing Activation Recomputation in Large Transformer
Models": 34 bytes a token, layer and unit of width, with attention that stores no scores.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from trainer.data.shard_set import find_shards
from trainer.objectives.streams import open_stream
from trainer.optim.batch_schedule import Batches
from trainer.plan.encoder import VOCABULARIES, encoder_flops, kept_parameters, trained_parameters
from trainer.settings.recipe import EncoderSettings, ModelSettings, RunRecipe, read_run_recipe

#: Vocabulary where neither recipe nor shards say one: GPT-2's.
_GPT2_VOCABULARY = 50257
_ACTIVATION_BYTES = 34
_GB = 1e9


@dataclass(frozen=True)
class Hardware:
    """What the run is planned for.  Defaults: one H100 SXM (data sheet: 989 TFLOP/s, 80 GB)."""

    gpus: int = 1
    peak: float = 989e12
    memory: float = 80e9
    mfu: float = 0.4


@dataclass(frozen=True)
class Plan:
    """The figures.  Bytes, tokens and operations as plain numbers."""

    #: What is used after training, and all that is trained (an encoder's heads, a generator).
    parameters: int
    trained: int
    flops_per_token: float
    tokens: int
    steps: int
    epochs: float | None
    bytes_by_part: dict[str, float]
    hours: float
    gpus_needed: int

    #: How the operations of the whole run are counted, and how many they are.
    counting: str
    flops: float


def parameters(model: ModelSettings, vocab: int) -> int:
    """Weights of the model: 12 * layers * width^2, embeddings, biases and norms."""
    width = model.width
    block = 12 * width**2 + 13 * width  # 4 + 8 matrices; biases 3+1+4+1, two norms of 2
    return model.layers * block + (vocab + model.context) * width + 2 * width


def flops_per_token(model: ModelSettings, vocab: int) -> float:
    """6 for each weight that multiplies (positions do not) and attention's share."""
    matrices = 12 * model.layers * model.width**2 + vocab * model.width
    return 6.0 * matrices + 12.0 * model.layers * model.width * model.context


def plan_run(
    recipe: str,
    overrides: Iterable[str] = (),
    data: str | None = None,
    hardware: Hardware | None = None,
) -> Plan:
    """The plan of a recipe, over the shards in `data` where given."""
    read, hardware = read_run_recipe(recipe, overrides), hardware or Hardware()
    epochs = None
    batches = Batches.of(read.train)
    if data is not None:
        stream = open_stream(read, find_shards(data), "train")
        epochs = batches.total / stream.samples
    vocab = read.model.vocab or VOCABULARIES.get(read.objective, _GPT2_VOCABULARY)
    count = trained = parameters(read.model, vocab)
    each = flops_per_token(read.model, vocab)
    tokens = batches.total * read.model.context
    counting, flops = "6 * parameters * tokens", 6.0 * count * tokens  # GPT-3's table D.1
    if isinstance(read.model, EncoderSettings):
        count = kept_parameters(read.objective, read.model, vocab)
        trained = trained_parameters(read, read.model, vocab)
        each = encoder_flops(read, read.model, vocab)
        counting, flops = "each weight as often as it multiplies", each * tokens
    parts = memory(read, trained, vocab, hardware.gpus)
    return Plan(
        parameters=count,
        trained=trained,
        counting=counting,
        flops=flops,
        flops_per_token=each,
        tokens=tokens,
        steps=_steps(batches),
        epochs=epochs,
        bytes_by_part=parts,
        hours=each * tokens / (hardware.peak * hardware.mfu * hardware.gpus) / 3600,
        gpus_needed=_gpus(read, trained, vocab, hardware.memory),
    )


def memory(recipe: RunRecipe, count: int, vocab: int, gpus: int) -> dict[str, float]:
    """Bytes on each device, states shared by FSDP where there is more than one."""
    model, train = recipe.model, recipe.train
    share = gpus if train.parallel == "fsdp" else 1
    micro = train.micro_batch or -(-train.batch // gpus)
    rows = micro * model.context
    if recipe.objective != "causal":
        most = round(recipe.mask.rate * model.context)
        logits = micro * min(most, recipe.mask.most or most)
    else:
        logits = min(train.loss_chunk or rows, rows)
    # One block is whole at a time under FSDP.
    gathered = 2 * (12 * model.width**2 + vocab * model.width) if share > 1 else 0
    per_layer = _ACTIVATION_BYTES * rows * model.width
    kept = 2 * rows * model.width  # a block's input, in bf16
    activations = model.layers * kept + per_layer if train.recompute else model.layers * per_layer
    return {
        "weights (fp32)": 4.0 * count / share,
        "gradients (fp32)": 4.0 * count / share,
        "optimizer (fp32, two moments)": 8.0 * count / share,
        "gathered block and embedding (bf16)": float(gathered),
        "activations (bf16)": float(activations),
        "logits and their slope (fp32)": 8.0 * logits * vocab,
    }


def _gpus(recipe: RunRecipe, count: int, vocab: int, capacity: float) -> int:
    """The fewest devices, doubling, on which FSDP fits one sequence at a time."""
    train = recipe.train.model_copy(
        update={"parallel": "fsdp", "micro_batch": 1, "loss_chunk": 1024, "recompute": True}
    )
    spread = recipe.model_copy(update={"train": train})
    for power in range(20):
        gpus = 1 << power
        if sum(memory(spread, count, vocab, gpus).values()) < 0.9 * capacity:
            return gpus
    return 0


def _steps(batches: Batches) -> int:
    """Updates of the weights, more than `train.steps` where the batch grows."""
    if not batches.start:
        return batches.steps
    done = consumed = 0
    while consumed < batches.total and batches.at(consumed) < batches.full:
        consumed += batches.at(consumed)
        done += 1
    return done + math.ceil((batches.total - consumed) / batches.full)


def describe_plan(plan: Plan, hardware: Hardware) -> list[str]:
    """The plan in lines."""
    total = sum(plan.bytes_by_part.values())
    lines = [
        f"parameters        {plan.parameters:,}",
        f"tokens            {plan.tokens:,} in {plan.steps:,} steps",
        f"compute           {plan.flops:.3g} FLOP ({plan.counting}), "
        f"{plan.flops / 8.64e19:,.3g} PFLOP/s-days",
        f"time              {plan.hours:,.1f} h on {hardware.gpus} GPU(s) of "
        f"{hardware.peak / 1e12:,.0f} TFLOP/s at {hardware.mfu:.0%} MFU",
    ]
    if plan.trained != plan.parameters:
        lines[0] += f" ({plan.trained:,} trained, with heads and generator)"
    if plan.epochs is not None:
        lines.insert(2, f"epochs            {plan.epochs:,.2f} over the shards")
    lines += [f"memory            {total / _GB:,.1f} GB on each GPU"]
    lines += [f"  {part:<38}{size / _GB:>10,.1f} GB" for part, size in plan.bytes_by_part.items()]
    if total > hardware.memory:
        lines.append(
            f"This does not fit into {hardware.memory / _GB:,.0f} GB: set train.parallel=fsdp on "
            f"{plan.gpus_needed} GPUs or more, train.recompute=true, or a smaller train.micro_batch"
        )
    else:
        lines.append("This fits as it is.")
    return lines
