"""Two processes on gloo, which `torchrun` starts, compute what one computes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from trainer_runs import losses, torchrun, train_arguments, validation, webtext, webtext_by_two

STEPS = 12
SETTINGS = {"train__steps": STEPS, "schedule__warmup": 4, "optim__name": "adamw"}


@pytest.fixture(scope="module")
def alone(tokens: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("alone") / "run"
    webtext(
        *train_arguments(tokens, out, train__steps=STEPS, schedule__warmup=4, optim__name="adamw")
    )
    return out


@pytest.mark.parametrize(("parallel", "run"), [("ddp", webtext_by_two), ("fsdp", torchrun)])
def test_losses_are_equal_and_the_run_goes_on_alone(
    tokens: Path, alone: Path, tmp_path: Path, parallel: str, run: Callable[..., str]
) -> None:
    out = tmp_path / "run"
    both = SETTINGS | {"train__parallel": parallel, "train__micro_batch": 3}
    run(*train_arguments(tokens, out, checkpoint__every=8, **both))
    one, two = dict(losses(alone)), dict(losses(out))
    assert two.keys() == one.keys()
    assert list(two.values()) == pytest.approx(list(one.values()), rel=2e-4)
    assert validation(out) == pytest.approx(validation(alone), rel=2e-4)

    # What two processes saved after step 8, one goes on with.
    newest = out / "checkpoints" / f"step-{STEPS:08d}"
    assert json.loads((newest / "COMPLETE.json").read_text())["consumed"] == STEPS * 8
    shutil.rmtree(newest)
    webtext(*train_arguments(tokens, out, "--resume", **SETTINGS))
    again = dict(losses(out))
    assert {n: again[n] for n in range(1, 9)} == {n: two[n] for n in range(1, 9)}
    assert list(again.values()) == pytest.approx(list(one.values()), rel=2e-4)
