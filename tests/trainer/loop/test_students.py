"""Runs that learn from a teacher: resumed, evaluated, exported, compiled, planned."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from distillation import export_teacher, student_of
from trainer_runs import log, losses

from pipeline.store.errors import SettingError
from trainer.eval.evaluate import evaluate_run
from trainer.hf.export import export_run
from trainer.hf.folder import load_parts
from trainer.loop.train import train_in
from trainer.models.encoder import Encoder
from trainer.plan.describe import describe_plan
from trainer.plan.plan import Hardware, plan_run
from trainer.run.distributed import World
from trainer.settings.recipe import read_run_recipe

STEPS = 6
STUDENTS = {"distilbert-tiny": "distil", "tinybert-tiny": "tinybert"}
#: Settings that one of them needs, and its loss terms.
OWN = {"distilbert-tiny": (), "tinybert-tiny": ("tinybert.teacher_width=32",)}
TERMS = {"distilbert-tiny": {"mlm", "soft", "cosine"},
         "tinybert-tiny": {"embedding", "hidden", "attention"}}  # fmt: skip
SETTINGS = {
    "model.layers": 2, "model.width": 32, "model.heads": 4, "model.context": 32,
    "model.dropout": 0.1, "train.batch": 5, "train.steps": STEPS, "checkpoint.every": 3,
    "checkpoint.keep": 9, "eval.every": 0, "eval.sequences": 20,
    "schedule.warmup": 2, "log.tensorboard": "false",
}  # fmt: skip


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, encoder_tokens: Path) -> Path:
    return export_teacher(tmp_path_factory.mktemp("teacher"), encoder_tokens)


def train(recipe: str, teacher: Path | str, tokens: Path, out: Path, start: Any = "new") -> Path:
    settings = [f"{key}={value}" for key, value in SETTINGS.items()]
    named = f'{STUDENTS[recipe]}.teacher="{teacher}"'
    read = read_run_recipe(recipe, [*settings, *OWN[recipe], named])
    train_in(World(0, 1, torch.device("cpu")), read, str(tokens), out, start)
    return out


@pytest.mark.parametrize("recipe", STUDENTS)
def test_a_resumed_student_is_the_same_and_its_teacher_may_move(
    recipe: str, teacher: Path, encoder_tokens: Path, tmp_path: Path
) -> None:
    whole = train(recipe, teacher, encoder_tokens, tmp_path / "whole")
    cut = shutil.copytree(whole, tmp_path / "cut")
    shutil.rmtree(cut / "checkpoints" / f"step-{STEPS:08d}")
    moved = shutil.copytree(teacher, tmp_path / "moved")
    train(recipe, moved, encoder_tokens, cut, "resume")
    assert losses(cut) == losses(whole) and len(losses(cut)) == STEPS
    ends = [[line for line in log(run) if "validation_loss" in line][-1] for run in (cut, whole)]
    assert ends[0] == ends[1]
    names = {name for file in (whole / "checkpoints").glob("*/*.safetensors")
             for name in load_names(file)}  # fmt: skip
    assert names and not any("teacher" in name for name in names)
    found = evaluate_run(str(whole), None, None, print)
    assert 0 < found["loss"] < 1000 and set(found) >= TERMS[recipe]
    assert ("perplexity" in found) == ("mlm" in found)
    export_run(str(whole), str(tmp_path / "export"), None, print)
    assert isinstance(load_parts(tmp_path / "export").model, Encoder)
    weights = tmp_path / "moved" / "model.safetensors"
    export_teacher(tmp_path / "other", encoder_tokens, layers=5)
    shutil.copy(tmp_path / "other" / "model.safetensors", weights)
    with pytest.raises(SettingError, match="other teacher's weights"):
        train(recipe, moved, encoder_tokens, cut, "resume")


def load_names(file: Path) -> list[str]:
    from safetensors import safe_open

    with safe_open(file, "pt") as opened:
        return list(opened.keys())


@pytest.mark.parametrize("recipe", STUDENTS)
def test_a_step_is_one_graph(recipe: str, teacher: Path, encoder_tokens: Path) -> None:
    student, batch = student_of(
        teacher, encoder_tokens, "model.dropout=0.1", *OWN[recipe], recipe=recipe
    )
    explained = torch._dynamo.explain(student.train())(batch)
    assert explained.graph_break_count == 0, explained.break_reasons


@pytest.mark.parametrize("recipe", STUDENTS)
def test_a_plan_knows_teacher_and_student(recipe: str, teacher: Path) -> None:
    shape = ["model.layers=2", "model.width=32", "model.heads=4", "model.context=32", *OWN[recipe]]
    named = plan_run(recipe, [*shape, f'{STUDENTS[recipe]}.teacher="{teacher}"'])
    parts = load_parts(teacher)
    assert named.teacher == sum(p.numel() for p in parts.parameters())
    assert named.bytes_by_part["teacher (fp32)"] == 4 * named.teacher
    unnamed = plan_run(recipe, [*shape, f"model.vocab={named.vocabulary}"])
    assert unnamed.teacher == 0 and unnamed.flops_per_token < named.flops_per_token
    assert "not named" in "\n".join(describe_plan(unnamed, Hardware()))


@pytest.mark.parametrize("recipe", STUDENTS)
def test_a_run_without_its_teacher_says_so(
    recipe: str, teacher: Path, encoder_tokens: Path, tmp_path: Path
) -> None:
    for missing, message in (("", "names no teacher"), (tmp_path / "none", "neither a run")):
        with pytest.raises(SettingError, match=message):
            train(recipe, missing, encoder_tokens, tmp_path / "run")
