"""What a training step costs on a GPU at least, computed, not measured: kernels, bytes, FLOPs.

    python benchmarks/roofline.py --models gpt2-124m electra-small albert-base-v2 gpt-modern

Runs forward and backward of a micro-batch of each recipe on tensors without values and counts
what each operator computes, reads and writes, in bf16 as on a GPU.  Views cost nothing.  Attention
counts as one fused kernel forward and one backward, which computes the scores again; of masked
positions nothing is left out.  AdamW adds, for each weight, 28 bytes and the 6 of its copy in bf16.

An operator takes at least the longer of FLOPs over the device's peak and bytes over its bandwidth
(`trainer.run.devices`; Williams et al. 2009).  "eager" adds these up over all operators, as if each
were a kernel of its own.  "fused" keeps products, attention and optimizer, as if all else cost
nothing: no compiler gets below.  Prints Markdown.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from trainer.data.header import HEADER
from trainer.objectives.base import Objective
from trainer.plan.plan import built
from trainer.run.devices import DEVICES, Device
from trainer.settings.recipe import RunRecipe, read_run_recipe

GPUS = {"H100": DEVICES["NVIDIA H100 80GB HBM3"], "H200": DEVICES["NVIDIA H200"]}
#: Operators that make no kernel beside those that are views.
FREE = {
    "aten::_unsafe_view",
    "aten::empty_like",
    "aten::empty",
    "aten::detach",
    "aten::_reshape_alias",
}
PRODUCTS, VOCABULARY, ATTENTION = "products of the blocks", "vocabulary", "attention"
REST, OPTIMIZER = "norms, activations, sums", "optimizer"


@dataclass
class Part:
    """What the operators of a part do in a step; `times` are seconds on each GPU."""

    kernels: int = 0
    flops: float = 0.0
    bytes: float = 0.0
    times: dict[str, float] = field(default_factory=lambda: dict.fromkeys(GPUS, 0.0))

    def add(self, flops: float, moved: float, kernels: int = 1) -> None:
        """One operator more."""
        self.kernels += kernels
        self.flops += flops
        self.bytes += moved
        for name, device in GPUS.items():
            self.times[name] += bound(device, flops, moved)


def bound(device: Device, flops: float, moved: float) -> float:
    """Seconds that an operator takes at least."""
    return max(flops / device.flops, moved / device.bandwidth)


class Counter(TorchDispatchMode):
    """Counts operators by part.  `vocab`: rows of the embedding, which tell its operators."""

    def __init__(self, vocab: int) -> None:
        super().__init__()
        self.vocab = vocab
        self.parts: dict[str, Part] = defaultdict(Part)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs the operator and counts it."""
        result = func(*args, **(kwargs or {}))
        name = func._schema.name
        if func.is_view or name in FREE:
            return result
        tensors = [t for t in tree_leaves((args, kwargs, result)) if isinstance(t, Tensor)]
        flops = 0.0
        if func.overloadpacket in flop_registry:
            flops = flop_registry[func.overloadpacket](*args, **(kwargs or {}), out_val=result)
        part = PRODUCTS if flops else REST
        if any(self.vocab in t.shape for t in tensors):
            part = VOCABULARY
        self.parts[part].add(flops, sum(t.numel() * t.element_size() for t in tensors))
        return result


class FusedAttention(torch.autograd.Function):
    """Stands for the fused kernels: right shapes, no values, counted by `counter`.

    Forward: two products of queries and keys; backward five (Dao et al. 2022, section 3).
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, counter: Counter) -> Tensor:
        """(batch, heads, positions, head width)."""
        ctx.save_for_backward(query, key, value)
        ctx.counter = counter
        ctx.flops = 2.0 * query.numel() * key.shape[2]
        ctx.moved = sum(t.numel() * t.element_size() for t in (query, key, value, query))
        counter.parts[ATTENTION].add(2 * ctx.flops, ctx.moved)
        return torch.empty_like(query)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Reads what forward read and its result's slope; writes three slopes."""
        ctx.counter.parts[ATTENTION].add(5 * ctx.flops, 2 * ctx.moved)
        query, key, value = (torch.empty_like(t) for t in ctx.saved_tensors)
        return query, key, value, None


@contextmanager
def fused_attention(counter: Counter) -> Iterator[None]:
    """SDPA is one kernel, whatever its mask."""
    kept = functional.scaled_dot_product_attention

    def counted(query: Tensor, key: Tensor, value: Tensor, **_: Any) -> Any:
        return FusedAttention.apply(query, key, value, counter)

    functional.scaled_dot_product_attention = counted
    try:
        yield
    finally:
        functional.scaled_dot_product_attention = kept


def count(recipe: RunRecipe, objective: Objective) -> dict[str, Part]:
    """The parts of a step of one micro-batch and one update."""
    context, micro = recipe.model.context, recipe.train.micro_batch
    header = HEADER if recipe.model.kind == "encoder" else 1
    rows = torch.zeros(micro, header + context, dtype=torch.int32, device="meta")
    batch = {"samples": torch.zeros(micro, dtype=torch.int64, device="meta")}
    batch |= objective.prepare(rows)
    counter = Counter(recipe.model.rows)
    with fused_attention(counter), counter:
        terms = objective(batch)
        torch.stack(
            [weight * terms[name] for name, weight in objective.weights.items()]
        ).sum().backward()
    weights = sum(p.numel() for p in objective.parameters())
    counter.parts[OPTIMIZER].add(0.0, (28 + 6) * weights)
    return counter.parts


def report(name: str) -> None:
    """A table of one recipe."""
    recipe = read_run_recipe(name, ["model.dropout=0"])
    if recipe.model.kind == "encoder":
        recipe = read_run_recipe(name, ["model.dropout=0", 'model.unpad="off"'])
    recipe, objective = built(recipe, None, padded=True)
    objective = halved(objective)
    parts = count(recipe, objective)
    tokens = recipe.train.micro_batch * recipe.model.context
    print(f"\n{name}, {recipe.train.micro_batch} x {recipe.model.context} tokens\n")
    print("| part | kernels | TFLOP | GB | " + " | ".join(f"ms on {g}" for g in GPUS) + " |")
    print("|---" * (4 + len(GPUS)) + "|")
    for part in (PRODUCTS, ATTENTION, VOCABULARY, REST, OPTIMIZER):
        one = parts[part]
        times = " | ".join(f"{one.times[g] * 1e3:.1f}" for g in GPUS)
        print(
            f"| {part} | {one.kernels} | {one.flops / 1e12:.2f} | {one.bytes / 1e9:.1f} | {times} |"
        )
    for label, kept in (("eager", list(parts)), ("fused", [PRODUCTS, ATTENTION, OPTIMIZER])):
        seconds = {g: sum(parts[p].times[g] for p in kept) for g in GPUS}
        if label == "fused":
            products = parts[VOCABULARY].flops
            seconds = {g: s + products / GPUS[g].flops for g, s in seconds.items()}
        rates = " | ".join(f"{tokens / s / 1e3:,.0f}" for s in seconds.values())
        print(f"| {label}: thousand tokens a second at most | | | | {rates} |")


def halved(objective: Objective) -> Objective:
    """Its products in bf16, as autocast has them; what is added up afterwards too."""
    module: nn.Module = objective.to(torch.bfloat16)
    assert isinstance(module, Objective)
    return module.train()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    usual = ["gpt2-124m", "electra-small", "albert-base-v2", "gpt-modern"]
    parser.add_argument("--models", nargs="+", default=usual)
    for name in parser.parse_args().models:
        report(name)


if __name__ == "__main__":
    main()
