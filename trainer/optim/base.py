"""What the loop asks of an optimizer."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import nn

from trainer.optim.groups import trained
from trainer.settings.recipe import OptimSettings
from trainer.settings.registries import OptimizerBase


class Optimization(OptimizerBase, ABC):
    """How the weights of a model are changed; joins by the group `webtext.optimizers`."""

    @classmethod
    @abstractmethod
    def build(cls, model: nn.Module, settings: OptimSettings) -> list[torch.optim.Optimizer]:
        """Optimizers that share out the parameters of `model`.

        Under FSDP these are DTensors, shards of their rows.  In a step where its attribute
        `found_inf`, a tensor on the device, is 1, an optimizer must leave everything as it is:
        that step's gradient is not a number.
        """

    @classmethod
    def kept_numbers(cls, model: nn.Module) -> int:
        """How many numbers are kept beside the weights; here two moments of each."""
        return 2 * sum(parameter.numel() for parameter in trained(model).values())
