"""Work that processes share, with the same result to the last bit for any number of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from trainer.run.distributed import World


def dealt(
    count: int, batch: int, width: int, compute: Callable[[range], Tensor], world: World
) -> Tensor:
    """What `compute` says of the things 0 to `count` - 1: float64 (count, width), in their order.

    `compute` is given at most `batch` of their numbers and returns (numbers, width).  Batch n is
    done by process n modulo the number of processes: what is computed together never depends on
    how many there are, and a row of the result is that of one process, for the others add 0.
    """
    rows = torch.zeros(count, width, dtype=torch.float64)
    for first in range(world.rank * batch, count, world.size * batch):
        some = range(first, min(first + batch, count))
        rows[some.start : some.stop] = compute(some).double().cpu()
    return world.add(rows.to(world.device)).cpu()
