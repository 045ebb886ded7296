"""Starts `webtext` as a user does, with a model that a CPU trains in seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SMALL = {
    "model.layers": 2,
    "model.width": 64,
    "model.heads": 2,
    "model.context": 64,
    "train.batch": 8,
    "eval.sequences": 32,
    "log.tensorboard": "false",
}


def command(*arguments: str, processes: int = 1) -> list[str]:
    start = [sys.executable, "-P", "-m"]
    if processes > 1:
        start += ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"]
    return [*start, "pipeline", *arguments]


def train_arguments(data: Path, out: Path, *more: str, **settings: Any) -> list[str]:
    """`settings` are those of SMALL with `__` for the dot, over SMALL."""
    chosen = SMALL | {name.replace("__", "."): value for name, value in settings.items()}
    overrides = [part for k, v in chosen.items() for part in ("--set", f"{k}={v}")]
    return ["train", "gpt2-tiny", "--data", str(data), "--out", str(out), *more, *overrides]


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


def webtext(*arguments: str, code: int = 0, processes: int = 1) -> str:
    """Runs to the end; returns what it said on both streams."""
    done = subprocess.run(
        command(*arguments, processes=processes),
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    return said


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
    )


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


def wait_for(out: Path, step: int) -> None:
    """Waits until a step is in the log."""
    for _ in range(60_000):
        if (out / "log.jsonl").exists() and any(line["step"] >= step for line in log(out)):
            return
        time.sleep(0.01)
    raise AssertionError(f"step {step} was never logged")
