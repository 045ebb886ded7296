"""A linear layer's products, forward and backward, by oneDNN and by PyTorch's BLAS on a CPU.

    python benchmarks/products.py

Of the layers that the recipes have at their benchmarks' sizes, each way once in a turn: lower
quartiles of the processor time of one thread, in ms, and BLAS's over oneDNN's.  `forward` is the
product alone; `both` adds the gradients of what the layer reads and of its weights.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import torch
from processor_time import lower_quartiles
from torch import Tensor
from torch.nn import functional

from trainer.models.linear import linear

#: Rows, width in, width out.
LAYERS = {
    "GPT 4 x 128, feed-forward, 12 x 64 tokens": (768, 128, 512),
    "GPT 4 x 128, 384 rows of logits": (384, 128, 8192),
    "ELECTRA-small, feed-forward, 16 x 128 tokens": (1592, 256, 1024),
    "ELECTRA-small, query, key and value": (1592, 256, 768),
    "ALBERT-base, feed-forward, 2 x 512 tokens": (1024, 768, 3072),
}
Product = Callable[[Tensor, Tensor], Tensor]


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=30)
    turns = parser.parse_args().turns
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print("| layer | forward, BLAS | oneDNN | ratio | both, BLAS | oneDNN | ratio |")
    print("|---|---|---|---|---|---|---|")
    for name, (rows, width, outputs) in LAYERS.items():
        cells = []
        for back in (False, True):
            blas, onednn = quartiles(rows, width, outputs, turns, back)
            cells += [f"{blas:.2f}", f"{onednn:.2f}", f"{blas / onednn:.2f}"]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def quartiles(rows: int, width: int, outputs: int, turns: int, back: bool) -> list[float]:
    """Milliseconds of BLAS and of oneDNN."""
    x = torch.randn(rows, width, requires_grad=True)
    weight = torch.randn(outputs, width, requires_grad=True)
    slope = torch.randn(rows, outputs)

    def step(way: Product) -> None:
        with torch.set_grad_enabled(back):
            result = way(x, weight)
        if back:
            torch.autograd.grad(result, (x, weight), slope)

    return lower_quartiles([partial(step, functional.linear), partial(step, linear)], turns)


if __name__ == "__main__":
    main()
