"""`webtext export`: a run's model in Hugging Face's format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from trainer.hf.folder import save_parts
from trainer.run.card import model_card
from trainer.run.run import load_run

Say = Callable[[str], None]


def export_run(run: str, folder: str, step: int | None, say: Say) -> None:
    """Writes the run's models in Hugging Face's format, with a model card."""
    loaded = load_run(run, torch.device("cpu"), step, say)
    tokenizer, end, card = loaded.folder.tokenizer_path, loaded.facts.end_token, model_card(loaded)
    for name, parts in loaded.objective.exports().items():
        save_parts(parts, Path(folder) / name, tokenizer, end, card)
