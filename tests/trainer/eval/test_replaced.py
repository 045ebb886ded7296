"""`benchmarks/replaced.py`: each discriminator of a run on the replacements of one generator."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from trainer_runs import log

from benchmarks.replaced import main
from trainer.loop.train import train

SETTINGS = [
    "model.width=32", "model.embedding=16", "model.layers=2", "model.heads=2", "train.steps=16",
    "train.batch=8", "schedule.warmup=4", "eval.every=8", "eval.sequences=64",
    "checkpoint.every=8", "log.tensorboard=false",
]  # fmt: skip


def test_a_step_s_own_generator_gives_the_area_of_its_evaluation(
    encoder_tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, out = tmp_path / "run", tmp_path / "areas"
    train("electra-tiny", str(encoder_tokens), SETTINGS, str(run), "new")
    judged = [line for line in log(run) if "validation_rtd_auc" in line]
    said = {line["step"]: line["validation_rtd_auc"] for line in judged}
    arguments = ["replaced.py", str(run), str(out), "--sequences", "64", "--generators", "8", "16"]
    monkeypatch.setattr(sys, "argv", arguments)
    main()
    found = {line["step"]: line for line in log(out)}
    assert set(found) == {0, 8, 16} and set(said) == {8, 16}
    for step, area in said.items():
        assert found[step][f"auc_{step}"] == pytest.approx(area, abs=2e-3)
    assert found[8]["auc_8"] != found[16]["auc_8"]
