"""Training runs as `webtext browse` shows them: which there are, their curves, their spikes, and
the documents of a step.

Logs are read without torch; only `documents` needs it.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.store.errors import SettingError
from trainer.run.chart import curve_of, figure
from trainer.run.log_lines import read_log

#: Keys of a log's lines that no figure is drawn of.
_NOT_DRAWN = frozenset(("step", "first_sample", "samples", "seconds", "skipped", "mfu_peak"))
_FIRST = ("loss", "validation_loss", "grad_norm", "lr")  # figures in this order, others behind
_COLOURS = ("#246", "#c60", "#275", "#a37")  # one a run
_BEFORE = 20  # steps that a loss is compared with
#: A loss so many deviations above the median before it is a spike (a deviation is 1.4826 times the
#: median absolute one, which for normal values is the standard deviation).
_DEVIATIONS = 6.0
_LEAST = 0.01  # of the median: the deviation of a run that is smooth
_SPIKES = 8

Lines = list[dict[str, Any]]


class RunsBelow:
    """The runs at or below a folder as they are now, by their paths in it."""

    def __init__(self, folder: str) -> None:
        """Looks for runs; there may be none."""
        top = Path(folder)
        found = sorted(path.parent for path in top.rglob("run.json"))
        self._paths = {
            str(path.relative_to(top)) if path != top else top.resolve().name: path
            for path in found
        }
        self._logs: dict[str, Lines] = {}

    def listed(self) -> list[dict[str, Any]]:
        """Of each run `name`, `objective`, `layers`, `width`, `data`, `steps`, `loss` and
        `validation_loss`; what a run has not is None."""
        return [self._told(name) for name in self._paths]

    def figures(self, names: Sequence[str]) -> list[str]:
        """A figure for each thing that was measured, with a curve of each run, as SVG."""
        logs = {name: self._lines(name) for name in names}
        keys = dict.fromkeys(_FIRST) | dict.fromkeys(
            key for lines in logs.values() for line in lines for key in line
        )
        drawn = [
            figure(_title(key), "", [curve_of(x, name, key) for name, x in logs.items()], _COLOURS)
            for key in keys
            if key not in _NOT_DRAWN
        ]
        return [one for one in drawn if one]

    def spikes(self, name: str) -> list[dict[str, Any]]:
        """Steps whose loss stands out: `step`, `loss`, `before` (the median of those before it)."""
        return spikes(self._lines(name))

    def step(self, name: str, step: int) -> dict[str, Any]:
        """What the log says of a step; empty where it says nothing."""
        lines = (x for x in self._lines(name) if x["step"] == step and "loss" in x)
        return next(lines, {})

    def documents(self, name: str, step: int) -> list[dict[str, Any]]:
        """The documents of a step: `sample`, `id`, `tokens`, `url`, `links`.

        Raises SettingError where the step is not in the run or the shards have changed.
        """
        path = self._path(name)
        from trainer.run.run import RunFolder  # noqa: PLC0415  # imports torch
        from trainer.run.trace import trace  # noqa: PLC0415

        return [asdict(one) for one in trace(RunFolder(path), step)]

    def _path(self, name: str) -> Path:
        if name not in self._paths:
            raise SettingError(f"There is no run {name!r}", f"One of: {', '.join(self._paths)}")
        return self._paths[name]

    def _lines(self, name: str) -> Lines:
        """The log of a run, read once: a view asks for it several times."""
        if name not in self._logs:
            log = self._path(name) / "log.jsonl"
            self._logs[name] = read_log(log) if log.is_file() else []
        return self._logs[name]

    def _told(self, name: str) -> dict[str, Any]:
        facts = _facts(self._path(name) / "run.json")
        recipe = facts.get("recipe", {})
        model, lines = recipe.get("model", {}), self._lines(name)
        steps = [line for line in lines if "loss" in line]
        judged = [line for line in lines if "validation_loss" in line]
        return {
            "name": name,
            "objective": recipe.get("objective"),
            "layers": model.get("layers"),
            "width": model.get("width"),
            "data": facts.get("data"),
            "steps": steps[-1]["step"] if steps else None,
            "loss": steps[-1]["loss"] if steps else None,
            "validation_loss": judged[-1]["validation_loss"] if judged else None,
        }


def spikes(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Steps whose loss stands out from the twenty before, the highest ones, in their order."""
    steps = [line for line in lines if "loss" in line]
    losses = [float(line["loss"]) for line in steps]
    found = []
    for number in range(_BEFORE, len(losses)):
        before = [x for x in losses[number - _BEFORE : number] if math.isfinite(x)]
        if not before:
            continue
        middle = statistics.median(before)
        deviation = 1.4826 * statistics.median(abs(loss - middle) for loss in before)
        height = (losses[number] - middle) / max(deviation, _LEAST * abs(middle), 1e-9)
        if not height <= _DEVIATIONS:  # what is not a number stands out as well
            found.append((height, steps[number]["step"], losses[number], middle))
    highest = sorted(found, key=lambda one: -one[0])[:_SPIKES]
    names = ("step", "loss", "before")
    return [dict(zip(names, one[1:], strict=True)) for one in sorted(highest, key=lambda x: x[1])]


def _facts(path: Path) -> dict[str, Any]:
    """What `run.json` says; nothing where it is damaged."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _title(key: str) -> str:
    return "Learning rate" if key == "lr" else key.replace("_", " ").capitalize()
