"""A step asks the device for nothing: it runs on tensors that have shapes and no values."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from trainer_runs import SMALL

from trainer.data.shard_set import find_shards
from trainer.data.tokenizers import read_tokenizer
from trainer.loop import train
from trainer.loop.feed import StepInput
from trainer.models import layout
from trainer.objectives.base import Objective
from trainer.run.begin import start_run
from trainer.run.distributed import World
from trainer.run.run import RunFolder, with_vocabulary
from trainer.settings.recipe import read_run_recipe

GPT = [f"{name}={value}" for name, value in SMALL.items()]
ENCODER = ["model.width=32", "model.layers=2", "model.heads=2", 'model.unpad="on"']
MASKED = ["model.document_mask=true", "model.attention=gpt3", "model.band=16", "guard.z=7"]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("gpt2-tiny", [*GPT, "train.loss_chunk=100"]),
        ("gpt2-tiny", [*GPT, *MASKED, "optim.name=adamw"]),
        ("albert-tiny", ENCODER),
        ("electra-tiny", ENCODER),
        ("modernbert-tiny", [*ENCODER, "model.band=8", "model.global_every=2"]),
        ("gpt-modern-tiny", [*GPT, "model.band=16"]),
    ],
)
def test_no_value_is_read_back(
    tokens: Path,
    encoder_tokens: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    settings: list[str],
) -> None:
    shards = find_shards(str(tokens if name.startswith("gpt") else encoder_tokens))
    recipe = with_vocabulary(read_run_recipe(name, settings), read_tokenizer(shards.tokenizer))
    folder = RunFolder(tmp_path / "run")
    start_run(folder, recipe, shards, "new", print)
    monkeypatch.setattr(Objective, "to", lambda self, _: self)  # such tensors cannot be moved
    monkeypatch.setattr(layout, "readable", lambda _: False)  # as on a GPU
    with FakeTensorMode(allow_non_fake_inputs=True) as fake:
        trainer = train._trainer(folder, recipe, shards, World(0, 1, torch.device("cpu")))
        said = trainer.train_stream.batch(0, 4).reshape(2, 2, -1)
        rows = fake.from_tensor(torch.from_numpy(said))
        numbers = fake.from_tensor(torch.arange(4).view(2, 2))
        done = trainer._run_step(StepInput(0, 4, rows, (said >= 0).sum(2), numbers))
        with pytest.raises(DataDependentOutputException):  # what asking is answered with
            done.results.tolist()
    trainer.saver.close()
