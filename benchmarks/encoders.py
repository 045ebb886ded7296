"""Encoders' training steps beside the same models made of transformers' modules (`sdpa`).

    python benchmarks/encoders.py --pairs 5

Pairs of steps, ours and theirs in turn, on one batch with the same masks: forward, backward and
AdamW.  Theirs scores every position; ours scores masked ones and passes padding by.  With
`--padding 0` all samples are full.  The last column is ours without unpadding over ours with it.
On a GPU both sides are compiled and take turns by the clock; on a CPU each has one thread and what
counts is its processor time, which other work on the machine hardly changes.  Prints one line a
model: ratio of the medians.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from torch.nn import functional

from trainer.data.header import HEADER
from trainer.data.vocabulary import Vocabulary
from trainer.objectives.base import Batch, Objective
from trainer.objectives.bert import Albert
from trainer.objectives.electra import Electra, ElectraSettings, generator_settings
from trainer.objectives.masked import Masker
from trainer.settings.recipe import EncoderSettings, RunRecipe, read_run_recipe

VOCAB = 30_522
SPECIAL = frozenset({0, 1, 2, 3})


def rows(context: int, batch: int, padding: float) -> Tensor:
    """Rows of a `PairStream` of random tokens; `padding` is the share of short samples."""
    generator = torch.Generator().manual_seed(1)
    said = torch.randint(4, VOCAB, (batch, HEADER + context), generator=generator)
    for n in range(batch):
        length = context
        if n < padding * batch:
            length = int(torch.randint(8, context, (), generator=generator))
        said[n, :HEADER] = torch.tensor([n, 0, length // 2, n % 2])
        said[n, HEADER] = 1
        said[n, HEADER + length - 1] = 2
        said[n, HEADER + length :] = -1
    return said.int()


def config(kind: Any, settings: EncoderSettings) -> Any:
    """Their config of the same shape."""
    return kind(
        vocab_size=VOCAB,
        embedding_size=settings.embedding_width,
        hidden_size=settings.width,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=settings.inner_width,
        max_position_embeddings=settings.context,
        hidden_dropout_prob=settings.dropout,
        attention_probs_dropout_prob=settings.dropout,
        attn_implementation="sdpa",
    )


class TheirAlbert(nn.Module):
    """`AlbertForPreTraining` as its users train it."""

    def __init__(self, recipe: RunRecipe, settings: EncoderSettings) -> None:
        super().__init__()
        del recipe
        self.model = transformers.AlbertForPreTraining(config(transformers.AlbertConfig, settings))

    def forward(self, batch: Batch) -> Tensor:
        """The loss."""
        loss: Tensor = self.model(
            batch["inputs"],
            attention_mask=batch["mask"].long(),
            token_type_ids=batch["types"],
            labels=labels(batch),
            sentence_order_label=batch["labels"],
        ).loss
        return loss


class TheirElectra(nn.Module):
    """Both of their classes, joined as ELECTRA trains them, embeddings shared."""

    def __init__(self, recipe: RunRecipe, settings: EncoderSettings) -> None:
        super().__init__()
        small = generator_settings(settings, recipe.own(ElectraSettings))
        kind = transformers.ElectraConfig
        self.generator = transformers.ElectraForMaskedLM(config(kind, small))
        self.judge = transformers.ElectraForPreTraining(config(kind, settings))
        self.judge.electra.embeddings = self.generator.electra.embeddings

    def forward(self, batch: Batch) -> Tensor:
        """The loss."""
        said = {"attention_mask": batch["mask"].long(), "token_type_ids": batch["types"]}
        wanted = labels(batch)
        logits = self.generator(batch["inputs"], **said).logits
        mlm = functional.cross_entropy(logits.flatten(0, 1), wanted.flatten())
        with torch.no_grad():
            noise = -torch.log(-torch.log(torch.rand_like(logits) + 1e-9) + 1e-9)
            drawn = torch.where(wanted >= 0, (logits + noise).argmax(-1), batch["ids"])
        fake = (drawn != batch["ids"]).long()
        loss: Tensor = mlm + 50 * self.judge(drawn, labels=fake, **said).loss
        return loss


def labels(batch: Batch) -> Tensor:
    """Their labels: -100 where nothing is asked."""
    wide = torch.full_like(functional.pad(batch["ids"], (0, 1)), -100)
    place = batch["places"].masked_fill(~batch["used"], wide.shape[1] - 1)
    return wide.scatter(1, place, batch["targets"])[:, :-1].contiguous()


def step_of(loss: Callable[[], Tensor], model: nn.Module, bf16: bool) -> Callable[[], None]:
    """One update."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    device = next(model.parameters()).device.type

    def run() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            value = loss()
        value.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if device == "cuda":
            torch.cuda.synchronize()

    return run


def ours(recipe: RunRecipe, settings: EncoderSettings) -> Objective:
    """Our objective of a recipe."""
    starts = tuple(n % 3 != 0 for n in range(VOCAB))
    vocabulary = Vocabulary(VOCAB, 0, 1, 2, 3, SPECIAL, starts)
    masker = Masker(recipe.mask, vocabulary, settings.context, 1)
    objective: Albert | Electra
    if recipe.objective == "albert":
        objective = Albert(settings, masker)
    else:
        objective = Electra(settings, recipe.own(ElectraSettings), masker, 1)
    objective.init_weights(1)
    return objective.train()


def measure(name: str, batch: int, padding: float, pairs: int, device: str) -> None:
    """Prints one line."""
    recipe = read_run_recipe(name, [f"model.vocab={VOCAB}"])
    settings = recipe.model
    assert isinstance(settings, EncoderSettings)
    drawn = rows(settings.context, batch, padding)
    said, filled = drawn.to(device), (drawn.numpy() >= 0).sum(1)
    kind = TheirAlbert if recipe.objective == "albert" else TheirElectra
    steps: dict[str, Callable[[], None]] = {}
    for variant, unpad in (("ours", "on"), ("padded", "off")):
        shape = settings.model_copy(update={"unpad": unpad})
        objective = ours(recipe, shape).to(device)
        unit: Any = torch.compile(objective) if device == "cuda" else objective

        def loss(objective: Objective = objective, unit: Any = unit) -> Tensor:
            prepared = objective.prepare(said, filled)
            terms, counts = unit(prepared), objective.counts(prepared)
            weighted = [w * terms[n] / counts[n] for n, w in objective.weights.items()]
            return torch.stack(weighted).sum()

        steps[variant] = step_of(loss, objective, device == "cuda")
    theirs = kind(recipe, settings).to(device).train()
    compiled: Any = torch.compile(theirs) if device == "cuda" else theirs
    prepared = ours(recipe, settings).to(device).prepare(said)
    steps["theirs"] = step_of(lambda: compiled(prepared), theirs, device == "cuda")
    times: dict[str, list[float]] = {variant: [] for variant in steps}
    clock = time.perf_counter if device == "cuda" else time.process_time
    for turn in range(pairs + 1):
        for variant, step in steps.items():
            began = clock()
            step()
            if turn:
                times[variant].append(clock() - began)
    middle = {variant: statistics.median(found) for variant, found in times.items()}
    rate = batch * settings.context / middle["ours"]
    print(
        f"{name:<16} batch {batch} x {settings.context}  {rate:8,.0f} tokens/s  "
        f"{middle['theirs'] / middle['ours']:.2f} times transformers  "
        f"{middle['padded'] / middle['ours']:.2f} times ours with padding",
        flush=True,
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--padding", type=float, default=0.1, help="share of short samples")
    parser.add_argument("--models", nargs="+", default=["electra-small", "albert-base-v2"])
    parser.add_argument("--batch", type=int, default=4)
    given = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(1)
    for name in given.models:
        measure(name, given.batch, given.padding, given.pairs, device)


if __name__ == "__main__":
    main()
