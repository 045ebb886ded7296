"""Optimizers, parameter groups and schedules."""

from __future__ import annotations

import torch
from torch import nn

from trainer.optim.base import Optimization
from trainer.settings.recipe import OptimSettings
from trainer.settings.registries import OPTIMIZERS


def build_optimizers(model: nn.Module, settings: OptimSettings) -> list[torch.optim.Optimizer]:
    """The optimizers of a recipe.  Each group carries `peak`, the rate that the schedule scales."""
    optimizers = optimization(settings).build(model, settings)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


def optimization(settings: OptimSettings) -> type[Optimization]:
    """The class that a recipe names."""
    kind = OPTIMIZERS.get(settings.name, "optim.name")
    assert issubclass(kind, Optimization)
    return kind
