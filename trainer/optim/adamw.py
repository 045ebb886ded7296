"""AdamW for all weights."""

from __future__ import annotations

import torch
from torch import nn

from trainer.optim.base import Optimization
from trainer.optim.groups import decay_groups, trained
from trainer.optim.trust import TrustRatio
from trainer.settings.recipe import OptimSettings


class AdamW(Optimization):
    """torch's fused AdamW; without bias correction, as BERT's and ELECTRA's releases have it."""

    @classmethod
    def build(cls, model: nn.Module, settings: OptimSettings) -> list[torch.optim.Optimizer]:
        """One optimizer."""
        return [adamw(trained(model), settings)]


def adamw(named: dict[str, nn.Parameter], settings: OptimSettings) -> torch.optim.Optimizer:
    """AdamW over some of a model's weights."""
    groups = decay_groups(named, settings.weight_decay)
    if not settings.bias_correction:
        return TrustRatio(groups, settings.lr, settings.betas, settings.eps)
    return torch.optim.AdamW(
        groups, lr=settings.lr, betas=settings.betas, eps=settings.eps, fused=True
    )
