"""LAMB, and AdamW without bias correction, as BERT, ALBERT and ELECTRA were trained.

You et al. 2019 and google-research/albert `lamb_optimizer.py`; google-research/bert
`optimization.py` and electra `model/optimization.py`.  Both take
u = m / (sqrt(v) + eps) + decay * w, with m and v as they are: the first steps are larger than
those of Adam, which the warm-up hides.  LAMB moves each tensor by u * |w| / |u|.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


class Lamb(torch.optim.Optimizer):
    """LAMB where a group says `adapt`, else AdamW, both without bias correction.

    A parameter of a group with `slices` holds so many tensors one below the other (a joint
    projection of query, key and value), each with its own ratio.  Like the fused AdamW it
    leaves everything as it is in a step where `found_inf`, a tensor on the device, is 1.
    """

    found_inf: Tensor | None = None

    def __init__(
        self, params: Iterable[dict[str, Any]], lr: float, betas: tuple[float, float], eps: float
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": 0.0,
            "adapt": False,
            "slices": 1,
        }
        super().__init__(params, defaults)

    @staticmethod
    def first_state(parameter: Tensor) -> dict[str, Tensor]:
        """What is kept for a parameter, before the first step."""
        return {
            "exp_avg": torch.zeros_like(parameter),
            "exp_avg_sq": torch.zeros_like(parameter),
        }

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state.update(self.first_state(parameter))
        kept_1, kept_2 = state["exp_avg"], state["exp_avg_sq"]
        first = kept_1.lerp(gradient, 1 - group["betas"][0])
        second = kept_2.lerp(gradient.square(), 1 - group["betas"][1])
        update = first / (second.sqrt() + group["eps"]) + group["weight_decay"] * parameter
        if group["adapt"]:
            update = update * trust_ratio(parameter, update, group["slices"])
        moved = parameter - group["lr"] * update
        if self.found_inf is None:
            skip = torch.zeros((), dtype=torch.bool, device=parameter.device)
        else:
            skip = self.found_inf.bool()
        for old, new in ((kept_1, first), (kept_2, second), (parameter, moved)):
            old.copy_(torch.where(skip, old, new))


def trust_ratio(parameter: Tensor, update: Tensor, slices: int) -> Tensor:
    """|w| / |u| of each slice, 1 where either is 0; of a shape that multiplies `update`."""
    shape = (slices, -1, *parameter.shape[1:])
    rest = tuple(range(1, len(shape)))
    weight = torch.linalg.vector_norm(parameter.view(shape), dim=rest)
    change = torch.linalg.vector_norm(update.view(shape), dim=rest)
    ratio = torch.where((weight > 0) & (change > 0), weight / change, torch.ones_like(weight))
    each = ratio.repeat_interleave(parameter.shape[0] // slices)
    return each.view(-1, *(1 for _ in parameter.shape[1:]))
