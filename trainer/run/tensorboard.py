"""TensorBoard's event files, in the run's folder `tensorboard`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from trainer.settings.tracker import Tracker


class TensorBoard(Tracker):
    """One scalar a number."""

    def __init__(self, folder: Path, recipe: Mapping[str, Any]) -> None:
        self._writer: Any = SummaryWriter(str(folder / "tensorboard"))

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Some numbers of a step."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Writes what is left."""
        self._writer.close()
