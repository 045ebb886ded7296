"""What a run says: one JSON line a step, the same to its trackers, and a line in the terminal."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from trainer.settings.recipe import RunRecipe
from trainer.settings.tracker import TRACKERS, Tracker


class RunLog:
    """Writes the log of a run; only the first process has one that writes."""

    def __init__(self, folder: Path, recipe: RunRecipe, total: int, quiet: bool) -> None:
        """`total` sequences are trained on.  Raises WebtextError for a tracker that fails."""
        self._file: TextIO | None = None
        self._trackers: list[Tracker] = []
        self._bar: Progress | None = None
        self._total, self._every = total, recipe.log.seconds
        self._printed = time.monotonic()
        self._console = Console(stderr=True, quiet=quiet, markup=False)
        if quiet:
            return
        self._file = (folder / "log.jsonl").open("a", encoding="utf-8", buffering=1)
        for name in recipe.log.used():
            tracker = TRACKERS.get(name, "log.trackers")
            self._trackers.append(tracker(folder, recipe.model_dump(mode="json")))
        if self._console.is_terminal:
            columns = (TextColumn("train"), BarColumn(20), TextColumn("{task.fields[said]}"))
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._task = self._bar.add_task("train", total=total, said="starts")
            self._bar.start()

    def step(self, line: dict[str, Any], consumed: int, left: float) -> None:
        """One step; `consumed` of all sequences are done, `left` seconds remain."""
        self._write(line)
        if self._file is None:
            return
        text = describe(line, left)
        if self._bar is not None:
            self._bar.update(self._task, completed=consumed, said=text)
        elif time.monotonic() - self._printed >= self._every or consumed == self._total:
            self._printed = time.monotonic()
            self._console.print(text, soft_wrap=True, highlight=False)

    def evaluation(self, step: int, result: dict[str, float]) -> None:
        """The validation of a step."""
        self._write({"step": step, **{f"validation_{k}": v for k, v in result.items()}})
        perplexity = f", perplexity {result['perplexity']:,.2f}" if "perplexity" in result else ""
        self.say(f"step {step:,}: validation loss {result['loss']:.4f}{perplexity}")

    def say(self, text: str) -> None:
        """A sentence in the terminal."""
        self._console.print(text, soft_wrap=True, highlight=False)

    def close(self) -> None:
        """Closes all."""
        if self._file is not None:
            self._file.close()
        for tracker in self._trackers:
            tracker.close()
        if self._bar is not None:
            self._bar.stop()

    def _write(self, line: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(line) + "\n")
        numbers = {
            name: value
            for name, value in line.items()
            if name != "step" and isinstance(value, (int, float))
        }
        for tracker in self._trackers:
            tracker.add(line["step"], numbers)


def describe(line: dict[str, Any], left: float) -> str:
    """`step 120, loss 5.1, lr 3e-03, grad 0.9, 5,200 tok/s, MFU 31 %, …, 0:42 left`."""
    seconds = round(left)
    parts = [
        f"step {line['step']:,}",
        f"loss {line['loss']:.4f}",
        f"lr {line['lr']:.2e}",
        f"grad {line['grad_norm']:.2f}",
        f"{line['tokens_per_second']:,.0f} tok/s",
        f"MFU {100 * line['mfu']:.0f} %",
        f"data wait {line['data_wait']:.1%}",
        f"memory {line['memory'] / 2**30:.1f} GB",
        f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d} left",
    ]
    return ", ".join(parts) + (", SKIPPED" if line["skipped"] else "")
