"""The processes of a run: one, or those that `torchrun` started."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.nn.parallel import DistributedDataParallel

from pipeline.store.errors import SettingError
from trainer.models.linear import multiply_in_fp8
from trainer.objectives.base import Objective
from trainer.run.devices import has_fp8
from trainer.settings.recipe import TrainSettings


@dataclass(frozen=True)
class World:
    """This process among all of the run."""

    rank: int
    size: int
    device: torch.device
    #: All processes in a row; None where there is one.
    mesh: DeviceMesh | None = None

    @property
    def first(self) -> bool:
        """True in the one process that writes logs."""
        return self.rank == 0

    def add(self, values: Tensor) -> Tensor:
        """The sum of `values` over all processes, in place, without waiting on the host."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def barrier(self) -> None:
        """Waits for all processes."""
        if self.size > 1:
            dist.barrier()


def speaks() -> bool:
    """True in the one process that says what came out, before and after it joins the others."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def joined(device: str) -> Iterator[World]:
    """Joins the processes of a `torchrun`; alone where there is none."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = pick_device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    if size == 1:
        yield World(0, 1, chosen)
        return
    dist.init_process_group("cpu:gloo,cuda:nccl" if chosen.type == "cuda" else "gloo")
    mesh = init_device_mesh(chosen.type, (size,))
    try:
        yield World(dist.get_rank(), size, chosen, mesh)
    finally:
        _leave(mesh)


def _leave(mesh: DeviceMesh) -> None:
    """Ends the group and its threads, which must not outlive the interpreter.

    A thread of gloo's that lets go of a tensor while the interpreter ends aborts the process
    ("terminate called without an active exception").  Threads are joined when nothing holds the
    group any more, but FSDP's caches keep the mesh, and the mesh the group.
    """
    gc.collect()  # modules and their hooks hold each other, and the group
    dist.destroy_process_group()
    mesh._pg_registry.clear()


def pick_device(name: str, local_rank: int = 0) -> torch.device:
    """The device of this process; "auto" is a GPU where there is one.

    Raises SettingError for a device that torch does not know or that is not here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise SettingError(
            f"train.device = {name!r} is no device", "Use auto, cpu or cuda"
        ) from None
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise SettingError("train.device is cuda, and there is no GPU here", "Use auto or cpu")
        return torch.device("cuda", local_rank if device.index is None else device.index)
    return device


def wants_bf16(settings: TrainSettings, device: torch.device) -> bool:
    """True when matrices are multiplied in bf16."""
    if settings.precision == "auto":
        emulated = False  # older devices have it by fp32 products, slower than fp32 itself
        return device.type == "cuda" and torch.cuda.is_bf16_supported(emulated)
    return settings.precision in ("bf16", "fp8")


def wants_fp8(settings: TrainSettings, device: torch.device) -> bool:
    """True when the blocks' linear layers multiply in FP8.

    Raises SettingError for a device that has none: to emulate it would be slow and gain nothing.
    """
    if settings.precision == "fp8" and not has_fp8(device):
        raise SettingError(
            f'train.precision = "fp8" needs an NVIDIA GPU of compute capability 8.9 or more '
            f"(L4, L40, RTX 40, H100 and later); {device} is none",
            'Use train.precision = "auto"',
        )
    return settings.precision == "fp8"


def compiles(settings: TrainSettings, device: torch.device) -> bool:
    """True when the model is compiled.

    Raises SettingError for FlexAttention where it does not learn (a CPU) or is not fused.
    """
    on = settings.compile == "on" or (settings.compile == "auto" and device.type == "cuda")
    if settings.attention_kernel == "flex" and not (on and device.type == "cuda"):
        raise SettingError(
            'train.attention_kernel = "flex" needs a GPU and a compiled model',
            'Leave it out: "sdpa" computes the same',
        )
    return on


def wrap(objective: Objective, settings: TrainSettings, world: World) -> nn.Module:
    """What the loop calls: the objective, compiled and spread over the processes as asked.

    Parameters keep their names and stay those of `objective`.
    """
    if wants_fp8(settings, world.device):
        multiply_in_fp8(objective.shards())
    if world.size > 1 and settings.parallel == "fsdp":
        policy = MixedPrecisionPolicy()
        if wants_bf16(settings, world.device):
            policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
        for module in objective.shards():
            fully_shard(module, mesh=world.mesh, mp_policy=policy)
        fully_shard(objective, mesh=world.mesh, mp_policy=policy)
    unit: nn.Module = objective
    if compiles(settings, world.device):
        unit = torch.compile(objective)  # type: ignore[assignment]
    if world.size > 1 and settings.parallel == "ddp":
        unit = DistributedDataParallel(unit, gradient_as_bucket_view=True)
    return unit


@contextmanager
def accumulating(unit: nn.Module, objective: Objective, last: bool) -> Iterator[None]:
    """Gradients are exchanged only after the last micro-batch of a step."""
    if isinstance(objective, FSDPModule):
        objective.set_requires_gradient_sync(last)
        yield
    elif isinstance(unit, DistributedDataParallel) and not last:
        with unit.no_sync():
            yield
    else:
        yield
