"""What a run will cost, before any of it is run: `webtext plan train`.

The model is built without memory for its weights, so what is counted is what will be trained.
Operations are counted as the papers do: GPT-3's table D.1 takes 6 a parameter and token; PaLM's
appendix B adds attention's.  Activations are those of Korthikanti et al. 2022, "Reducing Activation
Recomputation in Large Transformer Models", without dropout and with attention that stores no
scores: 2 bytes for each of 9 numbers of the width (4 of them those of the heads) and 2 of the
feed-forward layer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer, models
from torch import nn

from pipeline.store.errors import SettingError
from pipeline.store.registry import nearest
from trainer.data.shard_set import find_shards
from trainer.data.tokenizers import read_tokenizer
from trainer.hf.open_encoder import open_encoder
from trainer.models.encoder import Encoder
from trainer.models.gpt import GPT
from trainer.objectives import build_objective, objective_class, open_stream
from trainer.objectives.base import Objective
from trainer.optim import optimization
from trainer.optim.batch_schedule import Batches
from trainer.run.devices import DEVICES, Device
from trainer.settings.model import EncoderSettings, ModelSettings
from trainer.settings.recipe import RunRecipe, read_run_recipe

#: Bytes of each score of attention that dropout needs: fp32 and bf16 shares, what is kept of them,
#: and which.
_SCORE_BYTES = 9


@dataclass(frozen=True)
class Hardware:
    """What the run is planned for: so many devices, by name, and the share of the peak reached."""

    gpus: int = 1
    name: str = "NVIDIA H100 80GB HBM3"
    mfu: float = 0.4

    @property
    def device(self) -> Device:
        """Its data sheet.  Raises SettingError for a name that is not known."""
        if self.name not in DEVICES:
            listed = ", ".join(DEVICES)
            raise SettingError(
                f"--gpu {self.name!r} is not known", f"Known: {listed}{nearest(self.name, DEVICES)}"
            )
        return DEVICES[self.name]


@dataclass(frozen=True)
class Plan:
    """The figures.  Bytes, tokens and operations as plain numbers."""

    #: What is used after training, and all that is trained (an encoder's heads, a generator).
    parameters: int
    trained: int
    vocabulary: int
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

    #: Weights of the teacher; 0 where it is not named yet, None where the run learns from none.
    teacher: int | None = None


def plan_run(
    recipe: str,
    overrides: Iterable[str] = (),
    data: str | None = None,
    hardware: Hardware | None = None,
) -> Plan:
    """The plan of a recipe, over the shards in `data` where given.

    Raises SettingError where the recipe's vocabulary is not that of the shards.
    """
    read, hardware = read_run_recipe(recipe, overrides), hardware or Hardware()
    batches, epochs = Batches.of(read.train), None
    tokenizer = None
    if data is not None:
        shards = find_shards(data)
        tokenizer = read_tokenizer(shards.tokenizer)
        stream = open_stream(read, shards, "train")
        epochs = batches.total / stream.samples
        stream.close()
    source = objective_class(read).teacher_of(read)
    teacher = None
    if source:
        teacher, file = open_encoder(source, torch.device("cpu"), lambda _: None)
        tokenizer = tokenizer or read_tokenizer(file)
    read, objective = built(read, tokenizer)
    if teacher is not None:
        objective.learn_from(teacher.to("meta"))
    kept = _count(objective.kept())
    trained = _count([objective])
    each = objective.flops_per_token()
    tokens = batches.total * read.model.context
    counting, flops = "6 * parameters * tokens", 6.0 * kept * tokens  # GPT-3's table D.1
    if isinstance(read.model, EncoderSettings) or not read.model.tied:
        counting, flops = "each weight as often as it multiplies", each * tokens
    device = hardware.device
    return Plan(
        parameters=kept,
        trained=trained,
        vocabulary=read.model.vocab,
        counting=counting,
        flops=flops,
        flops_per_token=each,
        tokens=tokens,
        steps=_steps(batches),
        epochs=epochs,
        bytes_by_part=memory(read, objective, hardware.gpus),
        hours=each * tokens / (device.flops * hardware.mfu * hardware.gpus) / 3600,
        gpus_needed=_gpus(read, objective, device.memory),
        teacher=None if source is None else _count(objective.frozen()),
    )


def built(
    recipe: RunRecipe, tokenizer: Tokenizer | None, padded: bool = False
) -> tuple[RunRecipe, Objective]:
    """The recipe with its vocabulary, and its objective without memory for weights.

    The rows that fill up the embedding are left out unless `padded`: they are no parameters.
    """
    vocab = recipe.model.vocab or objective_class(recipe).usual_vocab
    if tokenizer is not None:
        if recipe.model.vocab not in (0, tokenizer.get_vocab_size()):
            raise SettingError(
                f"model.vocab = {recipe.model.vocab}, but the shards' tokenizer has "
                f"{tokenizer.get_vocab_size()} tokens",
                "Leave model.vocab out: it follows from the shards",
            )
        vocab = tokenizer.get_vocab_size()
    changed = {"vocab": vocab} | ({} if padded else {"vocab_multiple": 1})
    shape = recipe.model.model_copy(update=changed)
    recipe = recipe.model_copy(update={"model": shape})
    with torch.device("meta"):
        return recipe, build_objective(recipe, None, tokenizer or _any_tokenizer(vocab))


def _any_tokenizer(size: int) -> Tokenizer:
    """A tokenizer of so many tokens, for a run whose shards are not there yet."""
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{n}" for n in range(5, size))]
    return Tokenizer(models.WordLevel({name: n for n, name in enumerate(names[:size])}))


def _count(modules: list[nn.Module]) -> int:
    """Weights of some modules, shared ones once."""
    unique = {id(p): p.numel() for module in modules for p in module.parameters()}
    return sum(unique.values())


def _bodies(objective: Objective) -> Iterator[ModelSettings]:
    """The shapes of the towers of a model."""
    for module in objective.modules():  # a teacher keeps nothing for a way back
        if isinstance(module, (GPT, Encoder)):
            yield module.settings


def memory(recipe: RunRecipe, objective: Objective, gpus: int) -> dict[str, float]:
    """Bytes on each device, states shared by FSDP where there is more than one."""
    train, context = recipe.train, recipe.model.context
    share = gpus if train.parallel == "fsdp" else 1
    micro = train.micro_batch or -(-train.batch // gpus)
    rows = micro * context
    count = _count([objective])
    scored = micro * objective.targets_per_sample()
    logits = min(train.loss_chunk or scored, scored)
    activations, gathered = 0.0, 0.0
    for body in _bodies(objective):
        depth = body.layers * (body.inner_layers if isinstance(body, EncoderSettings) else 1)
        block = _activation_bytes(body, context) * rows
        kept = 2.0 * rows * body.width  # a block's input, in bf16
        activations += depth * kept + block if train.recompute else depth * block
    if share > 1:
        largest = max(_count([module]) for module in objective.shards())
        rest = count - _count(objective.shards())
        gathered = 2.0 * (largest + rest)  # one block is whole at a time, and what is no block
    asked = {"teacher (fp32)": 4.0 * _count(objective.frozen())} if objective.frozen() else {}
    return asked | {
        "weights (fp32)": 4.0 * count / share,
        "gradients (fp32)": 4.0 * count / share,
        "optimizer (fp32)": 4.0 * optimization(recipe.optim).kept_numbers(objective) / share,
        "gathered block and embedding (bf16)": gathered,
        "activations (bf16)": activations,
        "logits and their slope (fp32)": 8.0 * logits * recipe.model.vocab,
    }


def _activation_bytes(body: ModelSettings, context: int) -> float:
    """Bytes that one layer keeps of one token."""
    inner = (4 if body.gated else 2) * body.inner_width
    scores = _SCORE_BYTES * body.heads * context if body.attention_drop else 0
    # Query, what attention makes of it, key and value; the first and third again where they are
    # normed, and where they are turned.
    heads, kept_twice = body.heads + body.kv_head_count, body.qk_norm + (body.positions == "rope")
    attention = (2 + kept_twice) * heads * body.each_head
    return 2.0 * (5 * body.width + attention + inner) + scores


def _gpus(recipe: RunRecipe, objective: Objective, capacity: float) -> int:
    """The fewest devices, doubling, on which FSDP fits one sequence at a time."""
    train = recipe.train.model_copy(
        update={"parallel": "fsdp", "micro_batch": 1, "loss_chunk": 1024, "recompute": True}
    )
    spread = recipe.model_copy(update={"train": train})
    for power in range(20):
        gpus = 1 << power
        if sum(memory(spread, objective, gpus).values()) < 0.9 * capacity:
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
