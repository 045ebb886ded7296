"""Attention over short samples that lie one after another, on a CPU.

The fused kernel works through blocks of 32 queries, whose products keep a core half busy.  Up to a
few hundred positions the scores of a sample stay in the caches, and whole products of them are
faster, the more so backward, where the kept probabilities save one of five
(`benchmarks/short_attention.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

#: Positions of the longest sample.  The probabilities kept for the way back grow with their square.
_LONGEST = 256


def is_short(qkv: Tensor, lengths: Sequence[int]) -> bool:
    """Whether this is the way for some samples: their lengths are known and not large."""
    return 0 < max(lengths, default=0) <= _LONGEST and qkv.dtype == torch.float32


def attend_short(qkv: Tensor, lengths: Sequence[int], heads: int) -> Tensor:
    """Attention of each sample to itself, all heads seeing all its positions.

    `qkv` (vectors, 3 * heads * head width): query, key and value of all samples, of `lengths`, in
    their order, and of what fills up.  Gives (vectors, heads * head width), zero where it fills up.
    """
    result: Tensor = ShortAttention.apply(qkv, tuple(lengths), heads)
    return result


class ShortAttention(torch.autograd.Function):
    """softmax(q k^T / sqrt(width)) v of each sample, and its gradient."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, lengths: tuple[int, ...], heads: int) -> Tensor:
        """As `attend_short`."""
        result = qkv.new_zeros(len(qkv), qkv.shape[1] // 3)
        kept = []
        pairs = zip(
            _samples(qkv, lengths, 3 * heads), _samples(result, lengths, heads), strict=True
        )
        for sample, attended in pairs:
            query, key, value = sample.chunk(3)
            shares = _scaled_product(query, key.mT, query.shape[2]).softmax(-1)
            attended.copy_(shares @ value)
            kept.append(shares)
        ctx.save_for_backward(qkv, *kept)
        ctx.lengths, ctx.heads = lengths, heads
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None]:
        """The gradient of `qkv`."""
        qkv, *kept = ctx.saved_tensors
        result = torch.zeros_like(qkv)
        inputs, outputs = (_samples(x, ctx.lengths, 3 * ctx.heads) for x in (qkv, result))
        slopes = _samples(slope, ctx.lengths, ctx.heads)
        for sample, gradient, of_sample, shares in zip(inputs, outputs, slopes, kept, strict=True):
            query, key, value = sample.chunk(3)
            of_query, of_key, of_value = gradient.chunk(3)
            of_value.copy_(shares.mT @ of_sample)
            of_shares = of_sample @ value.mT
            of_scores = torch._softmax_backward_data(of_shares, shares, -1, shares.dtype)
            of_query.copy_(_scaled_product(of_scores, key, key.shape[2]))
            of_key.copy_(_scaled_product(of_scores.mT, query, key.shape[2]))
        return result, None, None


def _samples(x: Tensor, lengths: Sequence[int], heads: int) -> list[Tensor]:
    """(vectors, heads * width) -> of each sample a view (heads, positions, width)."""
    whole = x.unflatten(1, (heads, -1)).transpose(0, 1)
    parts: list[Tensor] = list(whole.split([*lengths, len(x) - sum(lengths)], dim=1))
    return parts[:-1]


def _scaled_product(first: Tensor, second: Tensor, width: int) -> Tensor:
    """Stacks of matrices multiplied, over the root of the width of a head, in one pass."""
    nothing = first.new_empty(())
    return torch.baddbmm(nothing, first, second, beta=0, alpha=width**-0.5)
