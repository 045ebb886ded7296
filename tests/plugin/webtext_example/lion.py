"""An optimizer: Lion (Chen et al. 2023, arXiv 2302.06675, algorithm 2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from trainer.optim.base import Optimization
from trainer.optim.groups import decay_groups
from trainer.optim.shares import local
from trainer.settings.recipe import OptimSettings


class Lion(Optimization):
    """One moment a weight; each step has the same length in every direction."""

    @classmethod
    def build(cls, model: nn.Module, settings: OptimSettings) -> list[torch.optim.Optimizer]:
        """One optimizer."""
        groups = decay_groups(dict(model.named_parameters()), settings.weight_decay)
        return [SignDescent(groups, settings.lr, settings.betas)]

    @classmethod
    def kept_numbers(cls, model: nn.Module) -> int:
        """Half of AdamW's."""
        return sum(parameter.numel() for parameter in model.parameters())


class SignDescent(torch.optim.Optimizer):
    """Each weight changes by `lr`, up or down."""

    #: Set by the loop: 1 in a step whose gradient is not a number.
    found_inf: Tensor | None = None

    def __init__(self, groups: list[dict[str, Any]], lr: float, betas: tuple[float, float]) -> None:
        super().__init__(groups, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step of all weights that have a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._step(parameter, group)

    def _step(self, parameter: Tensor, group: dict[str, Any]) -> None:
        if not self.state[parameter]:
            self.state[parameter]["moment"] = torch.zeros_like(parameter)
        # Under FSDP this process holds some rows of a weight; they are all it changes.
        weights, gradient = local(parameter), local(parameter.grad)
        moment = local(self.state[parameter]["moment"])
        direction = moment.lerp(gradient, 1 - group["betas"][0]).sign()
        moved = weights - group["lr"] * (direction + group["weight_decay"] * weights)
        for old, new in ((weights, moved), (moment, moment.lerp(gradient, 1 - group["betas"][1]))):
            old.copy_(new if self.found_inf is None else torch.where(self.found_inf > 0, old, new))
