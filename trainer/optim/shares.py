"""Rows of tensors that processes share: FSDP gives each a part of the first axis."""

from __future__ import annotations

from collections.abc import Iterable

import torch.distributed as dist
from torch import Tensor
from torch.distributed.tensor import DTensor


def local(tensor: Tensor) -> Tensor:
    """This process's share of a tensor: the tensor itself where it is whole."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def group_of(tensors: Iterable[Tensor]) -> dist.ProcessGroup | None:
    """The processes that share the tensors; None where each is whole in every process."""
    for tensor in tensors:
        if isinstance(tensor, DTensor):
            return tensor.device_mesh.get_group()
    return None


def rows_of(total: int, rank: int, size: int) -> tuple[int, int]:
    """First row and end of the share of process `rank` among `size`, as `torch.chunk` cuts."""
    each = -(-total // size)
    return min(rank * each, total), min((rank + 1) * each, total)


def first_row(tensor: Tensor) -> int:
    """Where this process's share of a tensor begins."""
    group = group_of([tensor])
    if group is None:
        return 0
    return rows_of(tensor.shape[0], dist.get_rank(group), dist.get_world_size(group))[0]
