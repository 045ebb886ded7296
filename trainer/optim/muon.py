"""Muon: momentum, orthogonalised, for the matrices inside a network.

Keller Jordan, "Muon: An optimizer for hidden layers in neural networks" (2024).  The
update of a matrix is its Nesterov momentum with all singular values brought near 1 by
five steps of a quintic Newton-Schulz iteration, scaled by sqrt(max(1, rows / columns)).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

#: Coefficients of the iteration: steep at 0, and near 1 afterwards (Jordan 2024).
_A, _B, _C = 3.4445, -4.7750, 2.0315
_ITERATIONS = 5


def orthogonalised(matrix: Tensor) -> Tensor:
    """The nearest semi-orthogonal matrix, roughly: singular values in about [0.7, 1.2]."""
    dtype = torch.bfloat16 if matrix.is_cuda else torch.float32
    x = matrix.to(dtype)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / (x.norm() + 1e-7)
    for _ in range(_ITERATIONS):
        gram = x @ x.T
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    result: Tensor = x.T if tall else x
    return result.to(matrix.dtype)


class Muon(torch.optim.Optimizer):
    """Muon with decoupled weight decay.

    Like the fused AdamW it leaves everything as it is in a step where `found_inf`, a
    tensor on the device, is 1.
    """

    found_inf: Tensor | None = None

    def __init__(
        self, params: Iterable[nn.Parameter], lr: float, momentum: float, weight_decay: float
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One update of every matrix that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)

    def _update(self, parameter: nn.Parameter, group: dict[str, Any]) -> None:
        gradient, momentum = parameter.grad, group["momentum"]
        assert gradient is not None
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        buffer = state["momentum"].lerp(gradient, 1 - momentum)
        update = orthogonalised(gradient.lerp(buffer, momentum))
        scale = max(1.0, parameter.shape[0] / parameter.shape[1]) ** 0.5
        decayed = parameter * (1 - group["lr"] * group["weight_decay"])
        moved = decayed - group["lr"] * scale * update
        if self.found_inf is None:
            state["momentum"].copy_(buffer)
            parameter.copy_(moved)
        else:
            skip = self.found_inf.bool()
            state["momentum"].copy_(torch.where(skip, state["momentum"], buffer))
            parameter.copy_(torch.where(skip, parameter, moved))
