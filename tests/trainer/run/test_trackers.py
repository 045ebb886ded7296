"""Weights & Biases, the real library without a network: what is written, and a run that goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.store.errors import SettingError
from trainer.run.log import RunLog
from trainer.settings.recipe import RunRecipe


def test_a_run_is_told_to_weights_and_biases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    recipe = RunRecipe.checked({"log": {"tensorboard": False, "trackers": ["wandb"]}}, "test")
    for step in (1, 2):  # two trainings of one run
        log = RunLog(tmp_path, recipe, total=8, quiet=False)
        log.evaluation(step, {"loss": 2.5, "perplexity": 12.0})
        log.close()
    written = sorted((tmp_path / "wandb").glob("offline-run-*/*.wandb"))
    identity = (tmp_path / "wandb-id").read_text()
    assert {path.stem for path in written} == {f"run-{identity}"}
    said = b"".join(path.read_bytes() for path in written)
    assert b"validation_perplexity" in said and b"micro_batch" in said
    everything = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert all(b"k" * 40 not in path.read_bytes() for path in everything)


def test_a_tracker_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingError, match="no tracker has this name. Known: tensorboard, wandb"):
        RunRecipe.checked({"log": {"trackers": ["wandbb"]}}, "test")
