"""Every kind of model with every optimizer: losses of one process, by DDP and FSDP, resumed in
another number of processes under the same or the other.  `make test` takes five pairs.

Processes meet on gloo, once for all cases.  Dropout is on, the batch does not divide by their
number, and the micro-batches differ.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from distillation import export_teacher
from parallel_worker import train_all
from support import PROJECT
from trainer_runs import log, losses

from trainer.run.distributed import World

STEPS, SAVED = 4, 2
RECIPES = ("gpt2", "albert", "electra", "bert", "gpt-modern", "modernbert")
OPTIMIZERS = ("adamw", "lamb", "muon")
#: What learns from a teacher, which is in no process's model, each with an optimizer or two.
STUDENTS = (("distilbert", "adamw"), ("tinybert", "muon"), ("tinybert", "adamw"))
PARALLEL = ("ddp", "fsdp")
SETTINGS = {
    "model.layers": 2, "model.width": 24, "model.heads": 3, "model.context": 32,
    "model.dropout": 0.1, "train.batch": 7, "train.steps": STEPS, "checkpoint.every": SAVED,
    "checkpoint.keep": 9, "schedule.warmup": 2, "eval.every": 0, "eval.sequences": 9,
    "log.tensorboard": "false", "optim.lr": 0.01, "schedule.name": "linear",
}  # fmt: skip
DECODERS = ("gpt2", "gpt-modern")
#: Of the recipes whose shape does not fit that of SETTINGS as it is.
OWN = {
    "gpt-modern": {"model.kv_heads": 1, "model.inner": 40, "model.band": 9},
    "tinybert": {"tinybert.teacher_width": 24},
    "modernbert": {"model.inner": 40, "model.band": 5, "model.global_every": 2},
}
#: Losses are in fp32, added up in another order.
NEAR = 2e-5


class Cases:
    """Runs in `folder`, one a pair of recipe and optimizer."""

    def __init__(self, folder: Path, tokens: Path, encoder_tokens: Path) -> None:
        self.folder = folder
        recipes = {recipe for recipe, _ in PAIRS}
        self.data = dict.fromkeys(recipes, encoder_tokens) | dict.fromkeys(DECODERS, tokens)
        shape = {"layers": 4, "width": 24, "heads": 3, "context": 32}
        self.teacher = export_teacher(folder / "teacher", encoder_tokens, **shape)

    def run(self, name: str, recipe: str, optimizer: str) -> Path:
        return self.folder / f"{name}-{recipe}-{optimizer}"

    def case(self, name: str, pair: tuple[str, str], start: str, **more: Any) -> dict[str, Any]:
        settings = SETTINGS | OWN.get(pair[0], {}) | {"optim.name": pair[1]}
        settings |= {key.replace("__", "."): value for key, value in more.items()}
        if pair in STUDENTS:
            section = pair[0].replace("distilbert", "distil")
            settings[f"{section}.teacher"] = self.teacher
        return {
            "recipe": f"{pair[0]}-tiny",
            "overrides": [f"{key}={value}" for key, value in settings.items()],
            "data": str(self.data[pair[0]]),
            "out": str(self.run(name, *pair)),
            "start": start,
        }


def together(processes: int, cases: Iterable[dict[str, Any]], folder: Path) -> None:
    file = folder / f"cases-{processes}.json"
    file.write_text(json.dumps(list(cases)))
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone",
        f"--nproc-per-node={processes}", str(PROJECT / "tests" / "parallel_worker.py"),
        str(file),
    ]  # fmt: skip
    threads = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    paths = {"PYTHONPATH": f"{PROJECT}:{PROJECT / 'tests'}"}
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | threads | paths, check=False
    )
    lines = [line for line in done.stderr.splitlines() if not line.startswith("step ")]
    assert done.returncode == 0, "\n".join(lines)[:8000]


def cut(run: Path) -> None:
    """Takes the run back to the checkpoint in its middle."""
    shutil.rmtree(run / "checkpoints" / f"step-{STEPS:08d}")


def figures(run: Path) -> list[float]:
    """The loss of each step, and of the validation at the end."""
    validation = [line["validation_loss"] for line in log(run) if "validation_loss" in line]
    return [*(loss for _, loss in losses(run)), validation[-1]]


PAIRS = [*product(RECIPES, OPTIMIZERS), *STUDENTS]
SOME = [
    ("gpt2", "adamw"), ("albert", "lamb"), ("electra", "muon"), ("modernbert", "adamw"),
    ("tinybert", "muon"),
]  # fmt: skip


@pytest.fixture(scope="module")
def table(
    tmp_path_factory: pytest.TempPathFactory, tokens: Path, encoder_tokens: Path
) -> dict[str, dict[tuple[str, str], list[float]]]:
    """Losses of some pairs in one process; begun in two; and gone on with in three, then in one."""
    cases = Cases(tmp_path_factory.mktemp("table"), tokens, encoder_tokens)
    kinds = {pair: PARALLEL[n % 2] for n, pair in enumerate(SOME)}
    others = {pair: PARALLEL[n // 2 % 2] for n, pair in enumerate(SOME)}  # all four ways
    alone = World(0, 1, torch.device("cpu"))
    train_all(alone, [cases.case("alone", pair, "new") for pair in SOME])
    found = {"alone": {pair: figures(cases.run("alone", *pair)) for pair in SOME}}
    begun = [
        cases.case("shared", p, "new", train__parallel=kinds[p], train__micro_batch=2) for p in SOME
    ]
    together(2, begun, cases.folder)
    found["two"] = {pair: figures(cases.run("shared", *pair)) for pair in SOME}
    for pair in SOME:
        cut(cases.run("shared", *pair))
    on = [cases.case("shared", p, "resume", train__parallel=others[p]) for p in SOME]
    together(3, on, cases.folder)
    found["three"] = {pair: figures(cases.run("shared", *pair)) for pair in SOME}
    for pair in SOME:
        cut(cases.run("shared", *pair))
    micro = {"train__micro_batch": 3}
    train_all(alone, [cases.case("shared", pair, "resume", **micro) for pair in SOME])
    found["one again"] = {pair: figures(cases.run("shared", *pair)) for pair in SOME}
    return found


@pytest.mark.timeout(900)
@pytest.mark.parametrize("pair", SOME, ids="-".join)
def test_losses_do_not_depend_on_processes(
    table: dict[str, dict[tuple[str, str], list[float]]], pair: tuple[str, str]
) -> None:
    want = table["alone"][pair]
    assert len(want) == len(set(want)) == STEPS + 1  # each step changed the model
    for processes in ("two", "three", "one again"):
        assert table[processes][pair] == pytest.approx(want, rel=NEAR), processes


@pytest.mark.system
@pytest.mark.timeout(900)
def test_the_whole_table(tmp_path: Path, tokens: Path, encoder_tokens: Path) -> None:
    """Each pair in one process; begun in two by DDP or FSDP, gone on with in three by the other."""
    cases = Cases(tmp_path, tokens, encoder_tokens)
    train_all(
        World(0, 1, torch.device("cpu")), [cases.case("alone", pair, "new") for pair in PAIRS]
    )
    want = {pair: figures(cases.run("alone", *pair)) for pair in PAIRS}
    table = list(product(PARALLEL, PAIRS))
    begun = [cases.case(kind, pair, "new", train__parallel=kind) for kind, pair in table]
    together(2, begun, tmp_path)
    for kind, pair in table:
        assert figures(cases.run(kind, *pair)) == pytest.approx(want[pair], rel=NEAR), (kind, pair)
        cut(cases.run(kind, *pair))
    other = dict(zip(PARALLEL, PARALLEL[::-1], strict=True))
    rest = [cases.case(kind, p, "resume", train__parallel=other[kind]) for kind, p in table]
    together(3, rest, tmp_path)
    for kind, pair in table:
        assert figures(cases.run(kind, *pair)) == pytest.approx(want[pair], rel=NEAR), (kind, pair)
