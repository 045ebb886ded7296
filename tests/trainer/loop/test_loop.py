"""The loop itself: what it knows, and what the process around it is spared."""

from __future__ import annotations

import ast
import gc
from pathlib import Path

import pytest
from trainer_runs import SMALL

import trainer.loop.loop
from trainer.loop.feed import StepInput
from trainer.loop.loop import Done, Trainer
from trainer.loop.train import train

SETTINGS = [f"{k}={v}" for k, v in (SMALL | {"train.steps": 12, "schedule.warmup": 4}).items()]
SOURCE = Path(trainer.loop.loop.__file__).read_text(encoding="utf-8")


def test_the_loop_is_short_and_knows_no_objective() -> None:
    assert len(SOURCE.splitlines()) < 300
    imported = set()
    for node in ast.walk(ast.parse(SOURCE)):
        if isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
        elif isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
    inside = {
        name for name in imported if name.startswith(("trainer.objectives", "trainer.models"))
    }
    assert inside == {"trainer.objectives.base"}  # what any objective is asked


def test_no_garbage_is_collected_while_steps_run(
    tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[bool, int]] = []
    collections: list[str] = []
    plain = Trainer._run_step

    def watched(self: Trainer, step: StepInput) -> Done:
        seen.append((gc.isenabled(), gc.get_freeze_count()))
        return plain(self, step)

    def count(phase: str, _: dict[str, int]) -> None:
        if phase == "start" and seen and len(seen) < 12:
            collections.append(phase)

    monkeypatch.setattr(Trainer, "_run_step", watched)
    gc.callbacks.append(count)
    try:
        train("gpt2-tiny", str(tokens), SETTINGS, str(tmp_path / "run"), "new")
    finally:
        gc.callbacks.remove(count)
    assert len(seen) == 12
    for enabled, frozen in seen:
        assert not enabled
        assert frozen > 10_000  # all that was there before: torch's modules and the model
    assert not collections
    assert gc.isenabled() and gc.get_freeze_count() == 0
