"""An encoder of a run, or of a folder in Hugging Face's format; and such a one as a teacher."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from pipeline.store.errors import SettingError
from trainer.data.tokenizers import same_tokenizers
from trainer.hf.folder import load_parts
from trainer.models.encoder import Encoder
from trainer.models.parts import Parts
from trainer.objectives import objective_class
from trainer.objectives.base import Objective
from trainer.run.run import load_run
from trainer.run.weights_digest import has_config
from trainer.settings.recipe import RunRecipe

Say = Callable[[str], None]


def open_encoder(source: str, device: torch.device, say: Say) -> tuple[Parts[Encoder], Path]:
    """The encoder of a run, or of a folder in Hugging Face's format, and its tokenizer's file.

    Raises SettingError when it is a decoder.
    """
    if has_config(source):
        tokenizer = Path(source) / "tokenizer.json"
        parts = load_parts(source).to(device)
    else:
        loaded = load_run(source, device, None, say)
        parts, tokenizer = loaded.objective.exports()[""], loaded.folder.tokenizer_path
    if not isinstance(parts.model, Encoder):
        raise SettingError(f"{source} is no encoder", "Give a run of BERT, ALBERT or ELECTRA")
    return parts, tokenizer


def give_teacher(objective: Objective, recipe: RunRecipe, tokenizer: Path, say: Say) -> None:
    """Opens the model that the recipe's objective learns from, if it learns from one.

    Raises SettingError where it is not named, not there, or has another tokenizer than the run.
    """
    source = objective_class(recipe).teacher_of(recipe)
    if source is None:
        return
    parts, theirs = open_encoder(source, torch.device("cpu"), say)
    if not same_tokenizers([theirs, tokenizer]):
        raise SettingError(
            f"The teacher {source} has another tokenizer than the shards",
            'Build the shards with the teacher\'s: [tokens] kind = "file"',
        )
    objective.learn_from(parts)
