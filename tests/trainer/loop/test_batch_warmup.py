"""The batch grows as GPT-3's, over sequences and not over steps, and a kill does not disturb it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from trainer_runs import log, losses, start, train_arguments, validation, wait_for, webtext

START, FULL, STEPS, OVER = 4, 16, 40, 38
CONTEXT = 64
#: Nearly the whole run is warm-up, so that it is killed within, whenever that is.
SETTINGS = {
    "train__batch": FULL, "train__batch_start": START, "train__batch_warmup": OVER,
    "train__steps": STEPS, "schedule__warmup": 4, "checkpoint__every": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def whole(tokens: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("growing") / "run"
    webtext(*train_arguments(tokens, out, **SETTINGS))
    return out


def test_tokens_a_step_grow_linearly_with_the_tokens_seen(whole: Path) -> None:
    steps = [line for line in log(whole) if "loss" in line]
    seen = 0
    for line in steps:
        assert line["first_sample"] == seen
        grown = min(FULL, START + (FULL - START) * seen // (OVER * FULL))
        last = STEPS * FULL - seen
        assert line["samples"] == min(grown, last)
        tokens = line["tokens_per_second"] * line["seconds"]
        assert tokens == pytest.approx(line["samples"] * CONTEXT)
        seen += line["samples"]
    assert seen == STEPS * FULL
    assert steps[0]["samples"] == START and max(line["samples"] for line in steps) == FULL
    assert len(steps) > STEPS


def test_killed_within_the_growth_the_losses_are_the_same_to_the_last_bit(
    tokens: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    process = start(*train_arguments(tokens, out, **SETTINGS))
    wait_for(process, out, 25)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed = [line for line in log(out) if "loss" in line][-1]
    assert START < killed["samples"] < FULL
    webtext(*train_arguments(tokens, out, "--resume", **SETTINGS))
    assert losses(out) == losses(whole)
    assert validation(out) == validation(whole)
