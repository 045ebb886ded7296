"""LAMB, and AdamW without bias correction, as BERT, ALBERT and ELECTRA were trained.

You et al. 2019 and google-research/albert `lamb_optimizer.py`; google-research/bert
`optimization.py` and electra `model/optimization.py`.  Both take
u = m / (sqrt(v) + eps) + decay * w, with m and v as they are: the first steps are larger than
those of Adam, which the warm-up hides.  LAMB moves each tensor by u * |w| / |u|.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from trainer.optim.shares import first_row, group_of, local


class TrustRatio(torch.optim.Optimizer):
    """LAMB where a group says `adapt`, else AdamW, both without bias correction.

    A group's `stacked` has of each of its parameters how many rows each matrix in it has (a joint
    projection of query, key and value is three); each has a ratio of its own.  Like the fused
    AdamW it leaves everything as it is in a step where `found_inf`, a tensor on the device, is 1.
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
            "stacked": (),
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if not group["adapt"]:
                for parameter in parameters:
                    self._move(parameter, self._direction(parameter, group), group)
                continue
            # All updates first, so that all norms are added up over the processes at once.
            updates = [self._direction(parameter, group) for parameter in parameters]
            rows = [r for p, r in zip(group["params"], group["stacked"], strict=True)
                    if p.grad is not None]  # fmt: skip
            ratios = trust_ratios(parameters, updates, rows)
            for parameter, update, ratio in zip(parameters, updates, ratios, strict=True):
                self._move(parameter, update * ratio, group)

    def _direction(self, parameter: Tensor, group: dict[str, Any]) -> Tensor:
        """What the moments and the decay say, of this process's share; moments are updated."""
        state = self.state[parameter]
        if not state:
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        assert parameter.grad is not None
        gradient, weights = local(parameter.grad), local(parameter)
        kept_1, kept_2 = local(state["exp_avg"]), local(state["exp_avg_sq"])
        first = kept_1.lerp(gradient, 1 - group["betas"][0])
        second = kept_2.lerp(gradient.square(), 1 - group["betas"][1])
        update: Tensor = first / (second.sqrt() + group["eps"]) + group["weight_decay"] * weights
        self._take(kept_1, first)
        self._take(kept_2, second)
        return update

    def _move(self, parameter: Tensor, update: Tensor, group: dict[str, Any]) -> None:
        weights = local(parameter)
        self._take(weights, weights - group["lr"] * update)

    def _take(self, old: Tensor, new: Tensor) -> None:
        if self.found_inf is not None:
            new = torch.where(self.found_inf.bool(), old, new)
        old.copy_(new)


def trust_ratios(
    parameters: list[Tensor], updates: list[Tensor], stacked: list[tuple[int, ...]]
) -> list[Tensor]:
    """|w| / |u| of each matrix, 1 where either is 0; each of a shape that multiplies its update.

    `updates` are this process's shares; `stacked` the rows of the matrices in each parameter.
    """
    squares = [
        torch.stack([_square_sum(part) for part in matrices])
        for parameter, update, rows in zip(parameters, updates, stacked, strict=True)
        for tensor in (local(parameter), update)
        for matrices in [list(_shares(tensor, first_row(parameter), rows))]
    ]
    sizes = [len(one) for one in squares]
    sums = torch.cat(squares)
    group = group_of(parameters)
    if group is not None:
        dist.all_reduce(sums, group=group)
    norms = sums.sqrt().split(sizes)
    ratios = []
    for number, parameter in enumerate(parameters):
        weight, change = norms[2 * number], norms[2 * number + 1]
        each = torch.where((weight > 0) & (change > 0), weight / change, torch.ones_like(weight))
        parts = _shares(local(parameter), first_row(parameter), stacked[number])
        rows = torch.cat([ratio.expand(len(part)) for ratio, part in zip(each, parts, strict=True)])
        ratios.append(rows.view(-1, *(1 for _ in parameter.shape[1:])))
    return ratios


def _square_sum(tensor: Tensor) -> Tensor:
    """In fp32 at least: bf16 squares of many weights do not add up."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32)).square().sum()


def _shares(tensor: Tensor, first: int, rows: tuple[int, ...]) -> Iterator[Tensor]:
    """Of each matrix, those of its rows that this process holds: none, some or all."""
    begin = 0
    for count in rows:
        start = min(max(begin - first, 0), tensor.shape[0])
        stop = min(max(begin + count - first, 0), tensor.shape[0])
        yield tensor[start:stop]
        begin += count
