"""Runs that go on with more steps, and the first steps of a long schedule alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from trainer_runs import SMALL, losses

from pipeline.store.errors import SettingError
from trainer.loop.train import train
from trainer.run.report import write_run_report
from trainer.run.run import RunFolder, load_run

TINY = SMALL | {
    "model.layers": 1, "model.width": 32, "model.context": 32, "schedule.warmup": 3,
    "checkpoint.keep": 1, "checkpoint.every": 50, "eval.every": 0, "eval.sequences": 8,
}  # fmt: skip


def run(tokens: Path, out: Path, start: Any = "new", **settings: Any) -> list[tuple[int, float]]:
    chosen = TINY | {name.replace("__", "."): value for name, value in settings.items()}
    train("gpt2-tiny", str(tokens), [f"{k}={v}" for k, v in chosen.items()], str(out), start)
    return losses(out)


@pytest.mark.parametrize(("schedule", "decay"), [("wsd", 0), ("wsd", 7), ("constant", 0)])
def test_an_extended_run_is_the_longer_run(
    tokens: Path, tmp_path: Path, schedule: str, decay: int
) -> None:
    chosen = {"schedule__name": schedule, "schedule__decay": decay}
    whole = run(tokens, tmp_path / "whole", train__steps=30, **chosen)
    short = run(tokens, tmp_path / "run", train__steps=20, **chosen)
    assert run(tokens, tmp_path / "run", "resume", train__steps=30, **chosen) == whole
    assert RunFolder(tmp_path / "run").recipe().train.steps == 30
    ended = tmp_path / "run" / "ended-00000020"
    assert ended.exists() == (schedule == "wsd")
    if schedule == "wsd":  # what it had decayed to is a run of its own
        assert losses(ended) == short and short != whole[:20]
        loaded = load_run(str(ended), torch.device("cpu"), None, print)
        assert loaded.checkpoint.step == 20
        assert Path(write_run_report(RunFolder(ended))).exists()


def test_a_run_whose_rate_has_fallen_goes_on_with_a_warning(
    tokens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = run(tokens, tmp_path / "run", train__steps=12)
    longer = run(tokens, tmp_path / "run", "resume", train__steps=16)
    assert longer[:12] == short and len(longer) == 16
    said = " ".join(capsys.readouterr().err.split())
    assert 'schedule.name = "cosine" has fallen for 12 steps' in said
    with pytest.raises(SettingError, match="has done 16 steps"):
        run(tokens, tmp_path / "run", "resume", train__steps=14)


@pytest.mark.parametrize("grows", [{}, {"train__batch_start": 3, "train__batch_warmup": 5}])
def test_the_first_steps_alone_are_those_of_the_whole(
    tokens: Path, tmp_path: Path, grows: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    whole = run(tokens, tmp_path / "whole", train__steps=12, **grows)
    part = run(tokens, tmp_path / "run", train__steps=12, train__pause_after=4, **grows)
    assert part == whole[: len(part)] and 4 <= len(part) < 12
    said = " ".join(capsys.readouterr().err.split())
    assert f"Paused after step {len(part)} of the 12 of its schedule; --resume goes on." in said
    assert run(tokens, tmp_path / "run", "resume", train__steps=12, **grows) == whole
