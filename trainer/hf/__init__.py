"""Models to and from Hugging Face's format, exactly: one module for each family."""

from __future__ import annotations

from trainer.hf.encoder import Parts, config_of_encoder, encoder_to_hf, load_encoder, save_encoder
from trainer.hf.gpt import (
    NAMES,
    config_of,
    from_hf,
    load_hf,
    save_hf,
    settings_of,
    their_name,
    to_hf,
)

__all__ = [
    "NAMES",
    "Parts",
    "config_of",
    "config_of_encoder",
    "encoder_to_hf",
    "from_hf",
    "load_encoder",
    "load_hf",
    "save_encoder",
    "save_hf",
    "settings_of",
    "their_name",
    "to_hf",
]
