"""`webtext export`: a run's model in Hugging Face's format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from trainer.hf.encoder import save_encoder
from trainer.hf.gpt import save_hf
from trainer.hf.parts import parts_of
from trainer.run.card import model_card
from trainer.run.run import decoder, load_run

Say = Callable[[str], None]


def export_run(run: str, folder: str, step: int | None, say: Say) -> None:
    """Writes the run's model in Hugging Face's format, with a model card."""
    loaded = load_run(run, torch.device("cpu"), step, say)
    tokenizer = loaded.folder.tokenizer_path
    card = model_card(loaded)
    for place, parts in (encoders := parts_of(loaded.objective)).items():
        save_encoder(parts, Path(folder) / place, tokenizer, card)
    if encoders:
        return
    save_hf(decoder(loaded), Path(folder), tokenizer, loaded.facts.end_token, card)
