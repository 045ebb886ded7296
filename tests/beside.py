"""An objective of ours trained beside the same losses made of others' modules."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from trainer.objectives.base import Batch, Objective


def losses_beside(
    ours: Objective, theirs: nn.Module, batches: Iterable[Batch], lr: float = 1e-3
) -> list[tuple[float, float]]:
    """The loss of each step of both, each with an AdamW of its own over what it trains."""
    optimizers = [
        torch.optim.AdamW([p for p in m.parameters() if p.requires_grad], lr=lr, eps=1e-6)
        for m in (ours, theirs)
    ]
    losses = []
    for batch in batches:
        terms, counts = ours(batch), ours.counts(batch)
        means = [w * terms[n] / counts[n].clamp_min(1) for n, w in ours.weights.items()]
        both = torch.stack(means).sum(), theirs(batch)
        losses.append((both[0].item(), both[1].item()))
        for optimizer, loss in zip(optimizers, both, strict=True):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return losses
