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
    """softmax(q k^T / sqrt(width)) v of each sample, and its gradient.

    The products of a sample are small beside what a call costs: each is one call, that writes
    where its result belongs.
    """

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, lengths: tuple[int, ...], heads: int) -> Tensor:
        """As `attend_short`."""
        result = qkv.new_zeros(len(qkv), qkv.shape[1] // 3)
        nothing, scale = _scaling(qkv, heads)
        kept = []
        (attended,) = _samples(result, lengths, 1, heads)
        for query, key, value, of_sample in zip(
            *_samples(qkv, lengths, 3, heads), attended, strict=True
        ):
            shares = torch.baddbmm(nothing, query, key.mT, beta=0, alpha=scale).softmax(-1)
            torch.bmm(shares, value, out=of_sample)
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
        nothing, scale = _scaling(qkv, ctx.heads)
        inputs, outputs = (_samples(x, ctx.lengths, 3, ctx.heads) for x in (qkv, result))
        (slopes,) = _samples(slope, ctx.lengths, 1, ctx.heads)
        for query, key, value, of_query, of_key, of_value, of_sample, shares in zip(
            *inputs, *outputs, slopes, kept, strict=True
        ):
            torch.bmm(shares.mT, of_sample, out=of_value)
            of_shares = torch.bmm(of_sample, value.mT)
            of_scores = torch._softmax_backward_data(of_shares, shares, -1, shares.dtype)
            torch.baddbmm(nothing, of_scores, key, beta=0, alpha=scale, out=of_query)
            torch.baddbmm(nothing, of_scores.mT, query, beta=0, alpha=scale, out=of_key)
        return result, None, None


def _samples(x: Tensor, lengths: Sequence[int], kinds: int, heads: int) -> list[list[Tensor]]:
    """(vectors, kinds * heads * width) -> of each kind, of each sample a view
    (heads, positions, width).
    """
    whole = x.view(len(x), kinds, heads, -1).permute(1, 2, 0, 3)
    rest = len(x) - sum(lengths)
    return [list(kind.split([*lengths, rest], dim=1)[:-1]) for kind in whole.unbind()]


def _scaling(qkv: Tensor, heads: int) -> tuple[Tensor, float]:
    """What `baddbmm` adds nothing of, and 1 / the root of the width of a head."""
    return qkv.new_empty(()), (qkv.shape[1] // (3 * heads)) ** -0.5
