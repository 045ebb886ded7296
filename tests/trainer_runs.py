"""Starts `webtext` as a user does, with a model that a CPU trains in seconds."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from forks import Command, run_python
from support import PROJECT, free_ports

SMALL = {
    "model.layers": 2,
    "model.width": 64,
    "model.heads": 2,
    "model.context": 64,
    "train.batch": 8,
    "eval.sequences": 32,
    "log.tensorboard": "false",
}


def train_arguments(data: Path, out: Path, *more: str, **settings: Any) -> list[str]:
    """`settings` are those of SMALL with `__` for the dot, over SMALL."""
    chosen = SMALL | {name.replace("__", "."): value for name, value in settings.items()}
    overrides = [part for k, v in chosen.items() for part in ("--set", f"{k}={v}")]
    return ["train", "gpt2-tiny", "--data", str(data), "--out", str(out), *more, *overrides]


def webtext(*arguments: str, code: int = 0) -> str:
    """Runs to the end; returns what it said on both streams."""
    done = run_python("-m", "pipeline", *arguments, folder=PROJECT)
    assert done.returncode == code, done.stdout
    return done.stdout


def webtext_by_two(*arguments: str) -> str:
    """Runs in two processes on gloo, with what `torchrun` tells each; returns what they said."""
    (port,) = free_ports(1)
    world = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    processes = [
        Command(
            "-m", "pipeline", *arguments, folder=PROJECT,
            environment=os.environ | world | {"RANK": rank, "LOCAL_RANK": rank},
        )
        for rank in ("0", "1")
    ]  # fmt: skip
    codes = [process.wait() for process in processes]
    said = "".join(process.output() for process in processes)
    assert codes == [0, 0], said
    return said


def start(*arguments: str) -> Command:
    return Command("-m", "pipeline", *arguments, folder=PROJECT)


def log(out: Path) -> list[dict[str, Any]]:
    lines = []
    for line in (out / "log.jsonl").read_text().splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:  # being written
            break
    return lines


def losses(out: Path) -> list[tuple[int, float]]:
    return [(line["step"], line["loss"]) for line in log(out) if "loss" in line]


def validation(out: Path) -> float:
    return [line["validation_loss"] for line in log(out) if "validation_loss" in line][-1]


def wait_for(process: Command, out: Path, step: int) -> None:
    """Waits until a step is in the log; the run must still be at work then."""
    while not (out / "log.jsonl").exists() or all(line["step"] < step for line in log(out)):
        assert process.poll() is None, process.output()
        time.sleep(0.01)
    assert process.poll() is None, "the run ended before it could be disturbed"
