"""Weights & Biases, set up as its users know it: `wandb login`, `WANDB_PROJECT`, `WANDB_MODE`.

We take no key and hand none on; the recipe that is sent holds no secrets.
"""

from __future__ import annotations

import importlib.util
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.store.errors import SettingError, WebtextError
from trainer.settings.tracker import Tracker

_ID = "wandb-id"  # beside the run's other files: a run that goes on is the same one there


class WeightsAndBiases(Tracker):
    """One run there for each run here, with the recipe as its configuration."""

    def __init__(self, folder: Path, recipe: Mapping[str, Any]) -> None:
        if importlib.util.find_spec("wandb") is None:
            raise SettingError(
                "log.trackers: wandb is not installed", "pip install 'webtext[wandb]'"
            )
        import wandb  # noqa: PLC0415 - it takes a second

        try:
            self._run = wandb.init(
                id=_identity(folder),
                resume="allow",
                name=folder.name,
                dir=folder,
                config={**recipe},
            )
        except (wandb.Error, OSError) as error:
            raise WebtextError(
                f"Weights & Biases does not take the run: {error}",
                "Run `wandb login`, or set WANDB_MODE=offline and send it later by `wandb sync`",
            ) from None

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Some numbers of a step; it leaves steps out that it has been told before."""
        self._run.log({**values}, step=step)

    def close(self) -> None:
        """Waits until all is sent or written."""
        self._run.finish()


def _identity(folder: Path) -> str:
    path = folder / _ID
    if not path.exists():
        path.write_text(secrets.token_hex(8), encoding="ascii")
    return path.read_text(encoding="ascii").strip()
