"""Optimizers, parameter groups and schedules."""

from __future__ import annotations

import torch
from torch import nn

from trainer.optim.groups import decay_groups, trust_groups
from trainer.optim.lamb import Lamb
from trainer.optim.muon import Muon
from trainer.settings.recipe import OptimSettings


def build_optimizers(model: nn.Module, settings: OptimSettings) -> list[torch.optim.Optimizer]:
    """AdamW or LAMB for all weights, or Muon for the matrices of the blocks and AdamW for the rest.

    Each group carries `peak`, the rate that the schedule scales.
    """
    named = dict(model.named_parameters())
    matrices = {n: p for n, p in named.items() if settings.name == "muon" and _is_matrix(n, p)}
    rest = {n: p for n, p in named.items() if n not in matrices}
    optimizers = [_elementwise(rest, settings)]
    if matrices:
        optimizers.append(
            Muon(matrices.values(), settings.muon_lr, settings.muon_momentum, settings.weight_decay)
        )
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


def _elementwise(named: dict[str, nn.Parameter], settings: OptimSettings) -> torch.optim.Optimizer:
    if settings.name == "lamb":
        groups = trust_groups(named, settings.weight_decay)
        return Lamb(groups, settings.lr, settings.betas, settings.eps)
    groups = decay_groups(named, settings.weight_decay)
    if not settings.bias_correction:
        return Lamb(groups, settings.lr, settings.betas, settings.eps)
    return torch.optim.AdamW(
        groups, lr=settings.lr, betas=settings.betas, eps=settings.eps, fused=True
    )


def _is_matrix(name: str, parameter: nn.Parameter) -> bool:
    return parameter.dim() == 2 and ".blocks." in f".{name}"
