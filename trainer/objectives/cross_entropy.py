"""Summed cross-entropy over a vocabulary, a few rows of logits at a time.

The logits of GPT-2 124M on 64 sequences of 1,024 tokens are 6.6 GB in bf16 and twice
that in fp32.  Here only `chunk` rows are alive: forward makes a chunk's logits, and
from them at once the gradients of hidden states and head, which is possible because
the loss is a plain sum.  The multiplications are those of the plain way: none is done
twice.  On a CPU it is faster too, as long as a chunk stays in the caches: it is done there unasked.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from trainer.models.linear import linear

#: A target that does not count.
IGNORED = -1
#: Logits alive at a time on a CPU: 12 MB.  By `benchmarks/cross_entropy.py` fewer are slower, and
#: more hardly faster.
_IN_CACHE = 3 << 20
#: Fewer rows leave a core's matrix product without work.
_FEWEST_ROWS = 128


def cross_entropy_sum(
    hidden: Tensor, head: Tensor, targets: Tensor, vocab: int, chunk: int = 0
) -> Tensor:
    """Sum over rows of -log softmax(hidden @ head.T)[target], in nats, in fp32.

    `hidden` (rows, width), `head` (padded vocabulary, width), `targets` (rows) with
    `IGNORED` where nothing counts.  Head rows from `vocab` on pad the matrix: they get
    no probability and no gradient.  `chunk` rows at a time; 0 takes all.  On a CPU at most as
    many as stay in its caches.
    """
    if hidden.device.type == "cpu":
        rows = max(_IN_CACHE // head.shape[0], _FEWEST_ROWS)
        chunk = min(chunk or rows, rows)
    if chunk and hidden.shape[0] > chunk:
        if torch.is_grad_enabled():
            total: Tensor = Chunked.apply(hidden, head, targets, vocab, chunk)
            return total
        parts = zip(hidden.split(chunk), targets.split(chunk), strict=True)
        return torch.stack([_sum(_logits(h, head, vocab), t) for h, t in parts]).sum()
    return _sum(_logits(hidden, head, vocab), targets)


def _logits(hidden: Tensor, head: Tensor, vocab: int) -> Tensor:
    logits = linear(hidden, head).float()
    if head.shape[0] > vocab:
        padding = torch.arange(head.shape[0], device=head.device) >= vocab
        logits = logits.masked_fill(padding, float("-inf"))
    return logits


def _sum(logits: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(logits, targets, ignore_index=IGNORED, reduction="sum")


class Chunked(torch.autograd.Function):
    """Loss and both gradients in one pass over the chunks, as `cross_entropy_sum` takes them."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, head: Tensor, targets: Tensor, vocab: int, chunk: int
    ) -> Tensor:
        """The summed loss; both gradients are kept for the way back."""
        total = torch.zeros((), device=hidden.device)
        hidden_grad = torch.empty_like(hidden)
        head_grad = torch.zeros_like(head, dtype=torch.float32)
        kind = _matmul_dtype(hidden)  # of the product that made the logits (bf16 under autocast)
        counted = (targets != IGNORED)[:, None]
        targets = targets.clamp_min(0)[:, None]
        for start in range(0, hidden.shape[0], chunk):
            rows = slice(start, start + chunk)
            logits, target = _logits(hidden[rows], head, vocab), targets[rows]
            right, highest = logits.gather(1, target), logits.amax(1, keepdim=True)
            powers = logits.sub_(highest).exp_()
            total_power = powers.sum(1, keepdim=True)
            losses = highest + total_power.log() - right
            total = total + (losses * counted[rows]).sum()
            slope = powers.scatter_add_(1, target, -total_power).to(kind)
            # Divided, and cleared of what does not count, on the narrow side of each product.
            scale = counted[rows] / total_power
            hidden_grad[rows] = (linear(slope, head.to(kind).T) * scale).to(hidden.dtype)
            _add_product(head_grad, slope.T, (hidden[rows] * scale).to(kind))
        ctx.save_for_backward(hidden_grad, head_grad.to(head.dtype))
        return total

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        """The kept gradients, times that of the loss."""
        hidden_grad, head_grad = ctx.saved_tensors
        scale = outer[0]
        return hidden_grad * scale, head_grad * scale, None, None, None


def _add_product(total: Tensor, first: Tensor, second: Tensor) -> None:
    """Adds a product to `total`, in one pass where all are of one kind."""
    if first.dtype == total.dtype:
        total.addmm_(first, second)
    else:
        total += (first @ second).float()


def _matmul_dtype(hidden: Tensor) -> torch.dtype:
    kind = hidden.device.type
    available = torch.amp.is_autocast_available(kind)  # not of tensors without values
    return (
        torch.get_autocast_dtype(kind)
        if available and torch.is_autocast_enabled(kind)
        else hidden.dtype
    )
