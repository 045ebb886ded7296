"""Muon: momentum, orthogonalised, for the matrices inside a network.

Keller Jordan, "Muon: An optimizer for hidden layers in neural networks" (2024).  The
update of a matrix is its Nesterov momentum with all singular values brought near 1 by
five steps of a quintic Newton-Schulz iteration, scaled by sqrt(max(1, rows / columns)).

`torch.optim.Muon` is the same arithmetic (`tests/trainer/optim/test_muon.py` holds both side by
side) but takes one matrix at a time, a joint projection as one matrix, and of a shard gathers each
matrix in every step of the iteration.  Here query, key and value are matrices of their own, those
of a shape go through the iteration together, and each is orthogonalised by one process
(`trainer.optim.orthogonal`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.store.settings import Settings
from trainer.optim.adamw import adamw
from trainer.optim.base import Optimization
from trainer.optim.groups import stacked_rows, trained
from trainer.optim.orthogonal import orthogonalise
from trainer.optim.shares import local
from trainer.settings.recipe import OptimSettings


class MuonSettings(Settings):
    """`[optim.muon]`: the matrices inside the blocks; the rest takes AdamW with `optim.lr`."""

    lr: float = Field(0.02, gt=0)
    """Muon's own highest learning rate."""
    momentum: float = Field(0.95, ge=0, lt=1)
    """How much of its momentum a step of Muon keeps (Jordan 2024: 0.95)."""


class Muon(Optimization):
    """Muon for the matrices of the blocks and AdamW for the rest."""

    settings: ClassVar[type[Settings]] = MuonSettings

    @classmethod
    def build(cls, model: nn.Module, settings: OptimSettings) -> list[torch.optim.Optimizer]:
        """Two optimizers; AdamW alone where the model has no blocks."""
        own = settings.own(MuonSettings)
        named, stacked = trained(model), stacked_rows(model)
        matrices = {n: p for n, p in named.items() if _is_matrix(n, p)}
        rest = {n: p for n, p in named.items() if n not in matrices}
        rows = [stacked.get(n, (p.shape[0],)) for n, p in matrices.items()]
        optimizers = [adamw(rest, settings)]
        if matrices:
            optimizers.append(
                MuonMatrices(
                    list(matrices.values()), rows, own.lr, own.momentum, settings.weight_decay
                )
            )
        return optimizers

    @classmethod
    def kept_numbers(cls, model: nn.Module) -> int:
        """A momentum of each matrix, two moments of the rest."""
        counts = [(p.numel(), _is_matrix(n, p)) for n, p in trained(model).items()]
        return sum(count if matrix else 2 * count for count, matrix in counts)


def _is_matrix(name: str, parameter: nn.Parameter) -> bool:
    return parameter.dim() == 2 and ".blocks." in f".{name}"


class MuonMatrices(torch.optim.Optimizer):
    """Muon with decoupled weight decay.  `stacked`: the rows of the matrices in each parameter.

    Like the fused AdamW it leaves everything as it is in a step where `found_inf`, a
    tensor on the device, is 1.
    """

    found_inf: Tensor | None = None

    def __init__(
        self,
        params: Sequence[nn.Parameter],
        stacked: Sequence[tuple[int, ...]],
        lr: float,
        momentum: float,
        weight_decay: float,
    ) -> None:
        self._rows = dict(zip(params, stacked, strict=True))
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One update of every matrix that has a gradient."""
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            buffers = [self._momentum(p, group["momentum"]) for p in parameters]
            wanted = [
                local(p.grad).lerp(buffer, group["momentum"])  # Nesterov's
                for p, buffer in zip(parameters, buffers, strict=True)
            ]
            rows = [self._rows[p] for p in parameters]
            updates = orthogonalise(parameters, wanted, rows)
            for parameter, buffer, update in zip(parameters, buffers, updates, strict=True):
                weights = local(parameter)
                decayed = weights * (1 - group["lr"] * group["weight_decay"])
                self._take(local(self.state[parameter]["momentum"]), buffer)
                self._take(weights, decayed - group["lr"] * update)

    def _momentum(self, parameter: nn.Parameter, momentum: float) -> Tensor:
        """The momentum with this step's gradient, of this process's share."""
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        assert parameter.grad is not None
        return local(state["momentum"]).lerp(local(parameter.grad), 1 - momentum)

    def _take(self, old: Tensor, new: Tensor) -> None:
        if self.found_inf is not None:
            new = torch.where(self.found_inf.bool(), old, new)
        old.copy_(new)
