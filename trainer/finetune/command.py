"""What `webtext finetune` does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from pipeline.store.errors import SettingError
from trainer.data.tokenizers import read_tokenizer
from trainer.finetune.examples import Columns, read_examples
from trainer.finetune.train import FineTuning, figures, fine_tune, predict
from trainer.hf.folder import load_parts
from trainer.models.encoder import Encoder
from trainer.models.parts import Parts
from trainer.run.checkpoint import write_atomic
from trainer.run.distributed import pick_device
from trainer.run.run import load_run

Say = Callable[[str], None]


def open_encoder(source: str, device: torch.device, say: Say) -> tuple[Parts[Encoder], Tokenizer]:
    """The encoder of a run, or of a folder in Hugging Face's format, with its tokenizer.

    Raises SettingError when it is a decoder's run.
    """
    if (Path(source) / "config.json").exists():
        tokenizer = read_tokenizer(Path(source) / "tokenizer.json")
        parts = load_parts(source).to(device)
    else:
        loaded = load_run(source, device, None, say)
        parts, tokenizer = loaded.objective.exports()[""], loaded.tokenizer
    if not isinstance(parts.model, Encoder):
        raise SettingError(f"{source} is no encoder", "Give a run of BERT, ALBERT or ELECTRA")
    return parts, tokenizer


def finetune(
    source: str,
    files: tuple[str, list[str]],
    columns: Columns,
    cola: bool,
    settings: FineTuning,
    out: str | None,
    say: Say,
) -> dict[str, float]:
    """Trains on `files[0]` and judges on each of `files[1]`; figures by file and measure.

    With `out`, writes the classifier's weights, its labels and the figures there.
    """
    device = pick_device("auto")
    parts, tokenizer = open_encoder(source, device, say)
    train = read_examples(files[0], columns, cola)
    held_out = {file: read_examples(file, columns, cola) for file in files[1]}
    model, labels = fine_tune(parts, tokenizer, train, settings, device, say)
    result = {}
    for file, examples in held_out.items():
        said = predict(model, tokenizer, examples, labels, device)
        for name, value in figures(said, examples).items():
            result[f"{Path(file).stem} {name}"] = value
    if out is not None:
        folder = Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: p.detach().cpu().contiguous() for name, p in model.named_parameters()}
        save_file(weights, folder / "classifier.safetensors")
        write_atomic(folder / "labels.json", json.dumps({"labels": labels, "figures": result}))
    return result
