"""Attention of short samples beside PyTorch's fused kernel, forward and backward, on a CPU.

    python benchmarks/short_attention.py

Samples of one length that lie one after another, about 2,000 tokens in all: `attend_short`, and
`scaled_dot_product_attention` for each sample.  Lower quartiles of the processor time of one
thread, in ms, each way once in a turn, and the kernel's over ours.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import torch
from processor_time import lower_quartiles
from torch import Tensor
from torch.nn import functional

from trainer.models.short_attention import attend_short

#: Width of a head, and tokens of a batch.
WIDTH, TOKENS = 64, 2048
Way = Callable[[Tensor, list[int], int], Tensor]


def by_kernel(qkv: Tensor, lengths: list[int], heads: int) -> Tensor:
    """The same by PyTorch's fused kernel, as an encoder would have it."""
    attended = []
    for sample in qkv.split(lengths):
        query, key, value = sample.view(1, len(sample), 3, heads, WIDTH).permute(2, 0, 3, 1, 4)
        states = functional.scaled_dot_product_attention(query, key, value)
        attended.append(states.transpose(1, 2).flatten(2)[0])
    return torch.cat(attended)


def quartiles(length: int, heads: int, turns: int) -> list[float]:
    """Milliseconds of the kernel and of ours."""
    lengths = [length] * (TOKENS // length)
    qkv = torch.randn(sum(lengths), 3 * heads * WIDTH, requires_grad=True)
    slope = torch.randn(sum(lengths), heads * WIDTH)

    def step(way: Way) -> None:
        torch.autograd.grad(way(qkv, lengths, heads), qkv, slope)

    return lower_quartiles([partial(step, by_kernel), partial(step, attend_short)], turns)


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=15)
    turns = parser.parse_args().turns
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print("| positions | heads | fused kernel | `attend_short` | times as fast |")
    print("|---|---|---|---|---|")
    for length in (16, 32, 64, 128, 256, 512):
        for heads in (1, 4, 12):
            kernel, ours = quartiles(length, heads, turns)
            print(
                f"| {length} | {heads} | {kernel:.2f} | {ours:.2f} | {kernel / ours:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
