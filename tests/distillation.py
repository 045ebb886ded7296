"""A teacher with random weights in Hugging Face's format, and students of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from trainer.data.shard_set import find_shards
from trainer.data.tokenizers import read_tokenizer
from trainer.hf.folder import save_parts
from trainer.hf.open_encoder import give_teacher
from trainer.models.encoder import Encoder
from trainer.models.heads import MaskedHead
from trainer.models.parts import Parts
from trainer.objectives import build_objective, open_stream
from trainer.run.run import with_vocabulary
from trainer.settings.model import EncoderSettings
from trainer.settings.recipe import read_run_recipe

CPU = torch.device("cpu")
SHAPE = {"width": 32, "heads": 4, "context": 32}


def export_teacher(folder: Path, shards: Path, layers: int = 4, **shape: int) -> Path:
    """A BERT of `layers` with a masked head, filled with N(0.02, 0.15)."""
    tokenizer = find_shards(str(shards)).tokenizer
    vocab = read_tokenizer(tokenizer).get_vocab_size()
    values = {"kind": "encoder", "layers": layers, "vocab": vocab} | SHAPE | shape
    settings = EncoderSettings.checked(values, "test")
    parts = Parts("bert", Encoder(settings), masked=MaskedHead(settings))
    generator = torch.Generator().manual_seed(1)
    for parameter in parts.parameters():
        torch.nn.init.normal_(parameter, 0.02, 0.15, generator=generator)
    save_parts(parts, folder, Path(tokenizer), None, "card")
    return folder


def student_of(
    teacher: Path, tokens: Path, *settings: str, recipe: str = "distilbert-tiny"
) -> tuple[Any, Any]:
    """A student of a run's first step, with `batch_of(first, count)`, and a batch of eight."""
    section = "distil" if recipe.startswith("distil") else "tinybert"
    shape = [f"model.{name}={value}" for name, value in SHAPE.items()]
    chosen = [*shape, f'{section}.teacher="{teacher}"', "model.layers=2", *settings]
    shards = find_shards(str(tokens))
    tokenizer = read_tokenizer(shards.tokenizer)
    read = with_vocabulary(read_run_recipe(recipe, chosen), tokenizer)
    student: Any = build_objective(read, None, tokenizer)
    give_teacher(student, read, Path(shards.tokenizer), print)
    student.init_weights(1)
    stream = open_stream(read, shards, "train")

    def batch_of(first: int, count: int) -> Any:
        return student.prepare(torch.from_numpy(stream.batch(first, count)))

    student.batch_of = batch_of
    return student, batch_of(0, 8)
