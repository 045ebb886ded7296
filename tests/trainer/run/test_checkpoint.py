"""Which checkpoints stay."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from trainer.run.checkpoint import Saver, latest, read_into
from trainer.run.distributed import World
from trainer.settings.recipe import CheckpointSettings


@pytest.mark.parametrize("background", [True, False])
def test_the_last_and_every_nth_are_kept(tmp_path: Path, background: bool) -> None:
    settings = CheckpointSettings(keep=2, keep_every=30, background=background)
    saver = Saver(tmp_path, settings, World(0, 1, torch.device("cpu")))
    weight = torch.zeros(3)
    for step in range(10, 101, 10):
        saver.save(step, {"weight": weight}, {"consumed": step})
        weight += 1  # what is being written is a copy
    saver.close()
    kept = sorted(int(path.name.removeprefix("step-")) for path in tmp_path.iterdir())
    assert kept == [30, 60, 90, 100]
    found = latest(tmp_path, print)
    assert found is not None and found.facts["consumed"] == 100
    read = {"weight": torch.zeros(3)}
    read_into(found.folder, read, alone=True)
    assert read["weight"].tolist() == [9.0] * 3
