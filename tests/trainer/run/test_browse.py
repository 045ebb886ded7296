"""What of runs is shown in the web browser: from logs alone, without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import PROJECT

from pipeline.store.errors import SettingError
from trainer.run.browse import RunsBelow, spikes
from trainer.run.chart import curve_of


def step(number: int, loss: float) -> dict[str, Any]:
    return {"step": number, "loss": loss, "lr": 0.1, "first_sample": 8 * number, "samples": 8}


def write_run(folder: Path, losses: list[float]) -> Path:
    folder.mkdir(parents=True)
    recipe = {"objective": "causal", "model": {"layers": 2, "width": 64}}
    (folder / "run.json").write_text(json.dumps({"recipe": recipe, "data": "data/tokens/gpt2"}))
    lines = [json.dumps(step(i + 1, loss)) for i, loss in enumerate(losses)]
    (folder / "log.jsonl").write_text("\n".join(lines) + '\n{"step": 9')  # the last line is cut
    return folder


def falling(steps: int) -> list[float]:
    """A loss that falls, with a little noise."""
    return [9 - i / steps + 0.02 * (i % 3) for i in range(steps)]


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, []),
        ({50: 12.0}, [51]),
        ({50: 12.0, 80: 11.0}, [51, 81]),
        ({50: float("nan")}, [51]),
        ({50: 2.0}, []),  # a loss that falls is no spike
        ({3: 12.0}, []),  # nothing to compare it with yet
        ({i: 12.0 + i for i in range(25, 96, 7)}, [33, 40, 47, 54, 61, 68, 75, 82, 89, 96][-8:]),
    ],
)
def test_spikes_stand_out_from_the_losses_before(
    changed: dict[int, float], found: list[int]
) -> None:
    losses = [changed.get(i, loss) for i, loss in enumerate(falling(100))]
    lines = [step(i + 1, loss) for i, loss in enumerate(losses)]
    assert [one["step"] for one in spikes(lines)] == found


def test_a_thinned_curve_keeps_its_spike() -> None:
    lines = [step(i + 1, 99.0 if i == 7_777 else 5.0 + i % 2) for i in range(20_000)]
    curve = curve_of(lines, "run", "loss")
    assert len(curve.points) <= 600
    assert (7_778.0, 99.0) in curve.points
    assert list(curve.points) == sorted(curve.points)


def test_runs_stand_side_by_side(tmp_path: Path) -> None:
    write_run(tmp_path / "a", falling(60))
    write_run(tmp_path / "deep" / "b", [8.0] * 40)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "run.json").write_text("{")
    runs = RunsBelow(str(tmp_path))
    told = {run["name"]: (run["steps"], run["width"]) for run in runs.listed()}
    assert told == {"a": (60, 64), "damaged": (None, None), "deep/b": (40, 64)}
    loss, rate = runs.figures(["a", "deep/b"])
    assert loss.count("<polyline") == 2 and "Loss: 8 to 9" in loss and "steps 1 to 60" in loss
    assert "Learning rate" in rate and " style=" not in loss
    assert runs.step("a", 3)["first_sample"] == 24 and runs.step("a", 300) == {}
    for outside in ("../a", "nope", ""):
        with pytest.raises(SettingError, match="There is no run"):
            runs.spikes(outside)


def test_curves_take_no_torch(tmp_path: Path) -> None:
    write_run(tmp_path / "run", falling(30))
    code = (
        "import sys\nfrom trainer.run.browse import RunsBelow\n"
        f"runs = RunsBelow({str(tmp_path)!r})\n"
        "(name,) = [run['name'] for run in runs.listed()]\n"
        "assert runs.figures([name]) and not runs.spikes(name)\nprint('torch' in sys.modules)"
    )
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=PROJECT)
    assert (done.stdout, done.stderr) == ("False\n", "")
