"""`webtext export`: a run's model in Hugging Face's format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from pipeline.store.hub import HubAddress, Pushed, push
from trainer.hf.folder import save_parts
from trainer.run.card import model_card
from trainer.run.run import load_run

Say = Callable[[str], None]


def export_run(run: str, folder: str, step: int | None, say: Say) -> list[str]:
    """Writes the run's models in Hugging Face's format, with a model card; names the files."""
    loaded = load_run(run, torch.device("cpu"), step, say)
    tokenizer, end, card = loaded.folder.tokenizer_path, loaded.facts.end_token, model_card(loaded)
    written = []
    for name, parts in loaded.objective.exports().items():
        files = save_parts(parts, Path(folder) / name, tokenizer, end, card)
        written += [(Path(name) / file).as_posix() for file in files]
    return sorted(written)


def push_model(
    folder: str, written: list[str], address: HubAddress, *, private: bool, dry_run: bool, say: Say
) -> Pushed:
    """Sends an exported model to the hub: the files that were written, and nothing beside them.

    Raises WebtextError where the hub refuses.
    """
    listed = {name: str(Path(folder, name)) for name in written}
    message = "webtext export"
    return push(address, listed, (), message, private=private, dry_run=dry_run, say=say)
