"""LAMB (You et al. 2019), as google-research/albert has it."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from trainer.optim.base import Optimization
from trainer.optim.groups import stacked_rows, trained
from trainer.optim.trust import TrustRatio
from trainer.settings.recipe import OptimSettings


class Lamb(Optimization):
    """What decays takes a trust ratio as well, the rest neither.

    google-research/albert leaves out `LayerNorm|layer_norm|bias`, which are all that has one
    dimension.
    """

    @classmethod
    def build(cls, model: nn.Module, settings: OptimSettings) -> list[torch.optim.Optimizer]:
        """One optimizer."""
        named, stacked = trained(model), stacked_rows(model)
        adapted = {n: p for n, p in named.items() if p.dim() >= 2}
        groups: list[dict[str, Any]] = [
            {
                "params": list(adapted.values()),
                "stacked": [stacked.get(n, (p.shape[0],)) for n, p in adapted.items()],
                "weight_decay": settings.weight_decay,
                "adapt": True,
            },
            {"params": [p for p in named.values() if p.dim() < 2]},
        ]
        return [TrustRatio(groups, settings.lr, settings.betas, settings.eps)]
