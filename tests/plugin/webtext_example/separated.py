"""A tracker: a run's numbers as a table of tab-separated values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainer.settings.tracker import Tracker


class Separated(Tracker):
    """One line a number: step, name, value."""

    def __init__(self, folder: Path, recipe: Mapping[str, Any]) -> None:
        self._stream = (folder / "numbers.tsv").open("a", encoding="utf-8")

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Some numbers of a step."""
        self._stream.writelines(f"{step}\t{name}\t{value}\n" for name, value in values.items())

    def close(self) -> None:
        """Writes what is left."""
        self._stream.close()
