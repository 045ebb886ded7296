"""Encoders' training steps beside the same models made of transformers' modules (`sdpa`).

    python benchmarks/encoders.py --data ROOT/tokens/NAME --pairs 5
    python benchmarks/encoders.py --data ROOT/tokens/NAME --compile

Steps of ours and theirs in turn, on the same masked batches: forward, backward, fused AdamW.
Theirs is written as any competent user would: heads over the vocabulary run at the masked places
alone, embeddings are shared, the draws of ELECTRA's generator are made at those places.  Samples
are as long as those that the recipe makes of the shards in `--data`, of which the first `--batches`
are taken, each `--pairs` times; what stands in them is random.
`--full` has no padding at all.  The last column is ours without unpadding over ours with it.  On a
GPU both sides are compiled, multiply in bf16 and take turns by the clock; on a CPU each has one
thread, is compiled with `--compile`, multiplies in bf16 with `--bf16`, and what counts is its
processor time, which other work on the machine hardly changes; both keep freed memory, as
`webtext train` does.  Prints one line a model: ratio of
the sums, over the batches, of the medians; with `--shares`, on a CPU, one more a side: of one step
the shares of matrix products, of attention and of all else, and what the ratio would be if all else
of ours cost nothing.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile

from trainer.data.header import HEADER
from trainer.data.shard_set import find_shards
from trainer.data.vocabulary import Vocabulary
from trainer.loop.host import memory_kept
from trainer.objectives import objective_class, open_stream
from trainer.objectives.base import Batch, Objective
from trainer.objectives.electra import Electra, ElectraSettings, generator_settings
from trainer.objectives.masked import Masker
from trainer.objectives.masked_only import MaskedOnly
from trainer.settings.recipe import EncoderSettings, RunRecipe, read_run_recipe

VOCAB = 30_522
SPECIAL = frozenset({0, 1, 2, 3})
#: Operators that are matrix products, as the profiler names them.
PRODUCTS = ("aten::mm", "aten::addmm", "aten::addmm_", "mkldnn::_linear_pointwise")
#: Those of `trainer.models.short_attention`.
SHORT_ATTENTION = ("aten::bmm", "aten::baddbmm", "aten::_softmax", "aten::_softmax_backward_data")


def lengths_of(recipe: RunRecipe, data: str, samples: int) -> list[int]:
    """Tokens of the first samples that the recipe makes of some shards."""
    stream = open_stream(recipe, find_shards(data), "train")
    found: list[int] = (stream.batch(0, samples)[:, HEADER:] >= 0).sum(1).tolist()
    stream.close()
    return found


def rows(context: int, lengths: Sequence[int], seed: int) -> Tensor:
    """Rows of a `PairStream`, of random tokens."""
    generator = torch.Generator().manual_seed(seed)
    said = torch.randint(4, VOCAB, (len(lengths), HEADER + context), generator=generator)
    for n, length in enumerate(lengths):
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


def masked(hidden: Tensor, batch: Batch) -> Tensor:
    """The states that are asked about (masked tokens, width)."""
    places = batch["places"][..., None].expand(-1, -1, hidden.shape[-1])
    return hidden.gather(1, places)[batch["used"]]


class TheirAlbert(nn.Module):
    """`AlbertForPreTraining`, its head over the vocabulary at the masked places."""

    def __init__(self, recipe: RunRecipe, settings: EncoderSettings) -> None:
        super().__init__()
        del recipe
        self.model = transformers.AlbertForPreTraining(config(transformers.AlbertConfig, settings))

    def forward(self, batch: Batch) -> Tensor:
        """The loss."""
        model = self.model
        out = model.albert(
            batch["inputs"],
            attention_mask=batch["mask"].long(),
            token_type_ids=batch["types"],
        )
        logits = model.predictions(masked(out.last_hidden_state, batch))
        order = model.sop_classifier(out.pooler_output)
        loss = functional.cross_entropy(logits, batch["targets"][batch["used"]])
        return loss + functional.cross_entropy(order, batch["labels"])


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
        hidden = self.generator.electra(batch["inputs"], **said).last_hidden_state
        states = self.generator.generator_predictions(masked(hidden, batch))
        logits = self.generator.generator_lm_head(states)
        mlm = functional.cross_entropy(logits, batch["targets"][batch["used"]])
        with torch.no_grad():
            draws = torch.distributions.Categorical(logits=logits).sample()
            wide = functional.pad(batch["ids"], (0, 1))
            place = batch["places"].masked_fill(~batch["used"], batch["ids"].shape[1])
            values = torch.zeros_like(place)
            values[batch["used"]] = draws
            drawn = wide.scatter(1, place, values)[:, :-1]
        fake = (drawn != batch["ids"]).long()
        loss: Tensor = mlm + 50 * self.judge(drawn, labels=fake, **said).loss
        return loss


#: An update on the batch of some number.
Step = Callable[[int], None]


def step_of(loss: Callable[[int], Tensor], model: nn.Module, bf16: bool) -> Step:
    """One update."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    device = next(model.parameters()).device.type

    def run(number: int) -> None:
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            value = loss(number)
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
    kind = objective_class(recipe)
    objective: Objective
    if issubclass(kind, Electra):
        objective = kind(settings, recipe.own(ElectraSettings), masker, 1)
    else:
        assert issubclass(kind, MaskedOnly)
        objective = kind(settings, masker)
    objective.init_weights(1)
    return objective.train()


def our_step(
    recipe: RunRecipe, batches: list[Tensor], unpad: str, compiles: bool, bf16: bool
) -> Step:
    """A step of ours on the rows of a batch."""
    assert isinstance(recipe.model, EncoderSettings)
    settings = recipe.model.model_copy(update={"unpad": unpad})
    objective = ours(recipe, settings).to(batches[0].device)
    unit: Any = torch.compile(objective) if compiles else objective
    filled = [(said.cpu().numpy() >= 0).sum(1) for said in batches]

    def loss(number: int) -> Tensor:
        prepared = objective.prepare(batches[number], filled[number])
        terms, counts = unit(prepared), objective.counts(prepared)
        return torch.stack([w * terms[n] / counts[n] for n, w in objective.weights.items()]).sum()

    return step_of(loss, objective, bf16)


def measure(name: str, given: argparse.Namespace) -> None:
    """Prints one line."""
    recipe = read_run_recipe(name, [f"model.vocab={VOCAB}", f"model.dropout={given.dropout}"])
    settings = recipe.model
    assert isinstance(settings, EncoderSettings)
    context, samples = settings.context, given.batch * given.batches
    lengths = [context] * samples
    if not given.full:
        lengths = lengths_of(recipe, given.data, samples)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    compiles, bf16 = (asked or device == "cuda" for asked in (given.compile, given.bf16))
    batches = [
        rows(context, lengths[start : start + given.batch], start).to(device)
        for start in range(0, samples, given.batch)
    ]
    kind = TheirElectra if recipe.objective == "electra" else TheirAlbert
    theirs = kind(recipe, settings).to(device).train()
    unit: Any = torch.compile(theirs) if compiles else theirs
    masker = ours(recipe, settings).to(device)
    prepared = [masker.prepare(batch) for batch in batches]
    steps = {
        "ours": our_step(recipe, batches, "on", compiles, bf16),
        "padded": our_step(recipe, batches, "off", compiles, bf16),
        "theirs": step_of(lambda number: unit(prepared[number]), theirs, bf16),
    }
    on_cpu = device == "cpu"
    clock = time.process_time if on_cpu else time.perf_counter
    with memory_kept(batches[0].device):
        seconds = in_turns(steps, given.batches, given.pairs, clock)
    print(
        f"{name:<16} {given.batches} batches of {given.batch} x {context}, padding "
        f"{1 - sum(lengths) / (samples * context):.0%}, dropout {given.dropout}"
        f"{', compiled' if compiles else ''}{', bf16' if bf16 else ''}  "
        f"{sum(lengths) / seconds['ours']:8,.0f} tokens/s  "
        f"{seconds['theirs'] / seconds['ours']:.2f} times transformers  "
        f"{seconds['padded'] / seconds['ours']:.2f} times ours with padding",
        flush=True,
    )
    for variant in ("ours", "theirs") if given.shares and on_cpu else ():
        products, attention = shares(steps[variant])
        needed = seconds["ours"] * (products + attention)
        bound = f", bound {seconds['theirs'] / needed:.2f}" if variant == "ours" else ""
        print(
            f"  {variant:<6} products {products:.0%}, attention {attention:.0%}, "
            f"else {1 - products - attention:.0%}{bound}",
            flush=True,
        )


def shares(step: Step) -> tuple[float, float]:
    """Of the time of a step, by PyTorch's profiler: matrix products, and attention."""
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        step(0)
    times = {row.key: row.self_cpu_time_total for row in recorded.key_averages()}
    total = sum(times.values())
    attention = sum(
        time
        for name, time in times.items()
        if "scaled_dot_product" in name or name in SHORT_ATTENTION
    )
    return sum(times.get(name, 0.0) for name in PRODUCTS) / total, attention / total


def in_turns(
    steps: dict[str, Step], batches: int, pairs: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Seconds of each for all batches, each batch's the median; the first two are not counted."""
    times: dict[str, list[list[float]]] = {name: [[] for _ in range(batches)] for name in steps}
    for turn in range(-2, batches * pairs):
        for name, step in steps.items():
            began = clock()
            step(turn % batches)
            if turn >= 0:
                times[name][turn % batches].append(clock() - began)
    return {name: sum(map(statistics.median, found)) for name, found in times.items()}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", help="shards, for the lengths of samples")
    parser.add_argument("--full", action="store_true", help="no padding")
    parser.add_argument("--batches", type=int, default=4)
    parser.add_argument("--pairs", type=int, default=3, help="how often each batch is taken")
    parser.add_argument(
        "--dropout", type=float, default=0.0, help="of both; the recipes have 0.1 and 0"
    )
    parser.add_argument("--models", nargs="+", default=["electra-small", "albert-base-v2"])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--compile", action="store_true", help="both, on a CPU as well")
    parser.add_argument("--bf16", action="store_true", help="both, on a CPU as well")
    parser.add_argument("--shares", action="store_true", help="where the time of a step goes")
    given = parser.parse_args()
    if not given.full and not given.data:
        parser.error("give --data, or --full for samples without padding")
    torch.set_num_threads(1)
    for name in given.models:
        measure(name, given)


if __name__ == "__main__":
    main()
