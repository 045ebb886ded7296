"""Summed cross-entropy over a vocabulary, a few rows of logits at a time.

The logits of GPT-2 124M on 64 sequences of 1,024 tokens are 6.6 GB in bf16 and twice
that in fp32.  Here only `chunk` rows are alive: forward makes a chunk's logits, and
from them at once the gradients of hidden states and head, which is possible because
the loss is a plain sum; and, where asked, a token drawn for each row.  The multiplications are
those of the plain way: none is done twice.  On a CPU it is faster too, as long as a chunk stays
in the caches: it is done there unasked.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from trainer.models.linear import linear
from trainer.models.noise import chosen

#: A target that does not count.
IGNORED = -1
#: Logits alive at a time on a CPU: 12 MB.  By `benchmarks/cross_entropy.py` fewer are slower, and
#: more hardly faster.
_IN_CACHE = 3 << 20
#: Fewer rows leave a core's matrix product without work.
_FEWEST_ROWS = 128


class Draws(NamedTuple):
    """What tokens are drawn by: a number in (0, 1) for each row, float64, and a temperature."""

    numbers: Tensor
    temperature: float = 1.0

    def of(self, rows: slice | Tensor) -> Draws:
        """Those of some rows."""
        return self._replace(numbers=self.numbers[rows])

    def tokens(self, weights: Tensor, vocab: int) -> Tensor:
        """A token for each row of weights, softmax(logits) or a multiple of it."""
        if self.temperature != 1:
            weights = weights ** (1 / self.temperature)
        return chosen(weights, self.numbers).clamp_max(vocab - 1)


def cross_entropy_sum(
    hidden: Tensor,
    head: Tensor,
    targets: Tensor,
    vocab: int,
    chunk: int = 0,
    bias: Tensor | None = None,
) -> Tensor:
    """Sum over rows of -log softmax(hidden @ head.T + bias)[target], in nats, in fp32.

    `hidden` (rows, width), `head` (padded vocabulary, width), `targets` (rows) with
    `IGNORED` where nothing counts.  Head rows from `vocab` on pad the matrix: they get
    no probability and no gradient.  `chunk` rows at a time; 0 takes all.  On a CPU at most as
    many as stay in its caches.
    """
    return cross_entropy_and_tokens(hidden, head, bias, targets, vocab, chunk, None)[0]


def cross_entropy_and_tokens(
    hidden: Tensor,
    head: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    vocab: int,
    chunk: int,
    draws: Draws | None,
) -> tuple[Tensor, Tensor]:
    """The same, and a token for each row, int64, drawn from its logits; without `draws` none."""
    count = len(hidden)
    if hidden.device.type == "cpu":
        in_cache = max(_IN_CACHE // head.shape[0], _FEWEST_ROWS)
        chunk = min(chunk or in_cache, in_cache)
    if torch.is_grad_enabled() and 0 < chunk < count:
        total, tokens = Chunked.apply(hidden, head, bias, targets, draws, vocab, chunk)
        return total, tokens
    sums, drawn = [], [targets[:0]]
    for start in range(0, max(count, 1), chunk or max(count, 1)):
        rows = slice(start, start + chunk if chunk else None)
        logits = _logits(hidden[rows], head, bias, vocab)
        sums.append(
            functional.cross_entropy(logits, targets[rows], ignore_index=IGNORED, reduction="sum")
        )
        if draws is not None:
            drawn.append(draws.of(rows).tokens(logits.detach().softmax(-1), vocab))
    return torch.stack(sums).sum(), torch.cat(drawn)


def _logits(hidden: Tensor, head: Tensor, bias: Tensor | None, vocab: int) -> Tensor:
    """(rows, padded vocabulary) in fp32, -inf in the padding."""
    if head.shape[0] > vocab:  # in the bias: to mask the logits is to copy them
        padding = torch.arange(head.shape[0], device=head.device) >= vocab
        bias = head.new_zeros(head.shape[0]) if bias is None else bias
        bias = bias.masked_fill(padding, float("-inf"))
    return linear(hidden, head, bias).float()


class Chunked(torch.autograd.Function):
    """Loss, tokens and gradients in one pass over the chunks, as `cross_entropy_and_tokens` has."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        head: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        draws: Draws | None,
        vocab: int,
        chunk: int,
    ) -> tuple[Tensor, Tensor]:
        """The summed loss and the tokens; all gradients are kept for the way back."""
        total = torch.zeros((), device=hidden.device)
        hidden_grad = torch.empty_like(hidden)
        head_grad = torch.empty_like(head, dtype=torch.float32)
        bias_grad = None if bias is None else torch.empty_like(head_grad[:, :1])
        kind = _matmul_dtype(hidden)  # of the product that made the logits (bf16 under autocast)
        counted = (targets != IGNORED)[:, None]
        targets = targets.clamp_min(0)[:, None]
        tokens = [targets[:0, 0]]
        for start in range(0, hidden.shape[0], chunk):
            rows = slice(start, start + chunk)
            logits, target = _logits(hidden[rows], head, bias, vocab), targets[rows]
            right, highest = logits.gather(1, target), logits.amax(1, keepdim=True)
            powers = logits.sub_(highest).exp_()
            total_power = powers.sum(1, keepdim=True)
            losses = highest + total_power.log() - right
            total = total + (losses * counted[rows]).sum()
            if draws is not None:
                tokens.append(draws.of(rows).tokens(powers, vocab))
            slope = powers.scatter_add_(1, target, -total_power).to(kind)
            # Divided, and cleared of what does not count, on the narrow side of each product.
            scale = counted[rows] / total_power
            hidden_grad[rows] = (linear(slope, head.to(kind).T) * scale).to(hidden.dtype)
            _add_product(head_grad, slope.T, (hidden[rows] * scale).to(kind), start == 0)
            if bias_grad is not None:
                _add_product(bias_grad, slope.T, scale.to(kind), start == 0)
        ctx.save_for_backward(
            hidden_grad,
            head_grad.to(head.dtype),
            None if bias is None or bias_grad is None else bias_grad[:, 0].to(bias.dtype),
        )
        drawn = torch.cat(tokens)
        ctx.mark_non_differentiable(drawn)
        return total, drawn

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        """The kept gradients, times that of the loss: in place, as the head's is large."""
        kept = [None if one is None else one.mul_(outer[0]) for one in ctx.saved_tensors]
        return (*kept, None, None, None, None)


def _add_product(total: Tensor, first: Tensor, second: Tensor, new: bool) -> None:
    """Adds a product to `total`, in one pass where all are of one kind; `new`: to nothing."""
    if first.dtype == total.dtype:
        total.addmm_(first, second, beta=0 if new else 1)
    elif new:
        total.copy_(first @ second)
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
