"""Checkpoints: folders of safetensors that count only once their marker is there.

`torch.distributed.checkpoint` writes and reads the tensors, each process those it
holds, in the safetensors format: so nothing is unpickled, and a run may go on with
another number of processes.  The marker `COMPLETE.json` is written last and lists each
file with its size; a folder without it, or with a file that is shorter, is passed over
for the one before.
"""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import (
    HuggingFaceStorageReader,
    HuggingFaceStorageWriter,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.tensor import DTensor

from pipeline.store.errors import WebtextError
from trainer.run.distributed import World
from trainer.settings.recipe import CheckpointSettings

MARKER = "COMPLETE.json"
_PREFIX = "step-"


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint and what its marker says."""

    folder: Path
    facts: dict[str, Any]

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self.facts["step"])

    @property
    def consumed(self) -> int:
        """Sequences consumed."""
        return int(self.facts["consumed"])


def complete_checkpoints(folder: Path) -> list[Checkpoint]:
    """All that can be used, the oldest first."""
    paths = sorted(path for path in folder.glob(f"{_PREFIX}*") if _broken(path) is None)
    return [Checkpoint(path, _facts(path)) for path in paths]


def latest(folder: Path, say: Callable[[str], None], step: int | None = None) -> Checkpoint | None:
    """The newest complete checkpoint, or that of `step`; says what it passes over."""
    for path in sorted(folder.glob(f"{_PREFIX}*"), reverse=True):
        if step is not None and path.name != _name(step):
            continue
        broken = _broken(path)
        if broken is None:
            return Checkpoint(path, _facts(path))
        say(f"Checkpoint {path} is passed over: {broken}. The one before is used.")
    return None


def _facts(path: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((path / MARKER).read_text(encoding="utf-8"))
    return facts


def _broken(path: Path) -> str | None:
    """Why a checkpoint cannot be used, None when it can."""
    try:
        facts = _facts(path)
    except FileNotFoundError:
        return "it was never finished"
    except ValueError:
        return f"{MARKER} is damaged"
    for name, size in facts["files"].items():
        file = path / name
        if not file.is_file() or file.stat().st_size != size:
            return f"{name} is missing or cut"
    return None


def read_into(folder: Path, tensors: dict[str, Tensor], alone: bool) -> None:
    """Fills `tensors` in place from a checkpoint.

    Raises WebtextError when one is missing there or has another shape.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="torch.distributed is disabled")
            load(tensors, storage_reader=HuggingFaceStorageReader(str(folder)), no_dist=alone)
    except (CheckpointException, SafetensorError, ValueError, RuntimeError) as error:
        message = str(error).strip().splitlines()
        raise WebtextError(
            f"Checkpoint {folder} does not fit this run: {message[-1] if message else error!r}",
            "Use the recipe and the code that the run was started with",
        ) from error


class Saver:
    """Writes checkpoints of a run and keeps the last few."""

    def __init__(self, folder: Path, settings: CheckpointSettings, world: World) -> None:
        self.folder, self.settings, self.world = folder, settings, world
        self._thread = ThreadPoolExecutor(1, "checkpoint")
        self._writing: Future[None] | None = None

    def save(self, step: int, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Saves after `step` steps; every process calls it.

        Weights that are whole in each process (one process, DDP) are copied to the host and
        written by the first one, in the background where the settings say so.  Those that
        are spread (FSDP) are written by all, in the foreground.
        """
        self.wait()
        target = self.folder / _name(step)
        if self.world.first and target.exists():
            shutil.rmtree(target)
        facts = {"step": step, **facts}
        if any(isinstance(tensor, DTensor) for tensor in tensors.values()):
            self.world.barrier()
            _write_tensors(target, tensors, alone=False)
            if self.world.first:
                self._complete(target, facts)
            self.world.barrier()
        elif self.world.first:
            copies = {name: t.detach().to("cpu", copy=True) for name, t in tensors.items()}
            self._writing = self._thread.submit(self._write, target, copies, facts)
            if not self.settings.background:
                self.wait()

    def wait(self) -> None:
        """Waits for the checkpoint that is being written; raises what went wrong with it."""
        if self._writing is not None:
            self._writing.result()
            self._writing = None

    def close(self) -> None:
        """Waits and ends the thread."""
        self._thread.shutdown(wait=True)
        self.wait()

    def _write(self, target: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        _write_tensors(target, tensors, alone=True)
        self._complete(target, facts)

    def _complete(self, target: Path, facts: dict[str, Any]) -> None:
        sizes = {}
        for file in sorted(target.iterdir()):
            _flush(file)
            sizes[file.name] = file.stat().st_size
        write_atomic(target / MARKER, json.dumps({**facts, "files": sizes}, indent=1))
        _flush(target)
        self._prune()

    def _prune(self) -> None:
        done = sorted(p for p in self.folder.glob(f"{_PREFIX}*") if (p / MARKER).exists())
        every = self.settings.keep_every
        for path in done[: -self.settings.keep]:
            regular = every and int(path.name.removeprefix(_PREFIX)) % every == 0
            if not regular and not _facts(path).get("kept"):
                (path / MARKER).unlink()  # first, so that half a checkpoint never counts
                shutil.rmtree(path)


def _write_tensors(target: Path, tensors: dict[str, Tensor], alone: bool) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True)
        writer = HuggingFaceStorageWriter(str(target), save_distributed=True)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="torch.distributed is disabled")
            save(tensors, storage_writer=writer, no_dist=alone)
    except OSError as error:
        raise WebtextError(
            f"Checkpoint {target} could not be written: {error}",
            "Free some space and resume: the checkpoint before it is whole",
        ) from error


def _name(step: int) -> str:
    return f"{_PREFIX}{step:08d}"


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, text: str) -> None:
    """Writes a small text file that appears whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    _flush(temporary)
    temporary.replace(path)


def training_state(
    objective: nn.Module, optimizers: list[torch.optim.Optimizer]
) -> dict[str, Tensor]:
    """Weights and optimizer states by name, as references: to save, or to read into."""
    names = {parameter: name for name, parameter in objective.named_parameters()}
    state = {f"weights.{name}": parameter.detach() for parameter, name in names.items()}
    for optimizer in optimizers:
        _fill_state(optimizer)
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                for key, value in optimizer.state[parameter].items():
                    state[f"optim.{names[parameter]}.{key}"] = value
    return state


def _fill_state(optimizer: torch.optim.Optimizer) -> None:
    """Has an optimizer make what it keeps of each parameter, by a step that changes nothing."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    if not parameters or all(optimizer.state[parameter] for parameter in parameters):
        return
    rates = [group["lr"] for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.found_inf = torch.ones((), device=parameters[0].device)  # type: ignore[attr-defined]
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
