"""A folder in Hugging Face's format: opened as a model of ours, and written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor

from pipeline.store.errors import SettingError, WebtextError, reason
from trainer.data.vocabulary import Vocabulary
from trainer.hf.albert import AlbertFormat
from trainer.hf.bert import BertFormat, ElectraFormat
from trainer.hf.config import Config
from trainer.hf.format import Format, SpecialTokens
from trainer.hf.gpt2 import Gpt2Format
from trainer.hf.llama import LlamaFormat
from trainer.hf.modernbert import ModernBertFormat
from trainer.hf.task_heads import (
    belongs_to_task,
    build_task_head,
    task_architectures,
    task_config,
    task_tensors,
)
from trainer.hf.tokenizer_file import portable_tokenizer
from trainer.models.gpt import GPT
from trainer.models.parts import Parts
from trainer.models.task_head import Use

FORMATS: dict[str, Format] = {
    one.kind: one
    for one in (
        Gpt2Format(),
        LlamaFormat(),
        BertFormat(),
        AlbertFormat(),
        ElectraFormat(),
        ModernBertFormat(),
    )
}
_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"


def load_parts(folder: str | Path) -> Parts[Any]:
    """The model of a folder with `config.json` and safetensors, in one file or several.

    Raises WebtextError when one is missing or damaged, SettingError for a model that is not
    known here, with the field that makes it so.
    """
    folder = Path(folder)
    values = read_config(folder)
    config = Config(values, str(folder / "config.json"))
    family = config.need("model_type")
    found = next((one for one in FORMATS.values() if family in one.families), None)
    if found is None:
        known = ", ".join(sorted(name for one in FORMATS.values() for name in one.families))
        raise SettingError(
            f"{folder}: model_type = {family!r} is not known here", f"Known: {known}"
        )
    architecture = (config.get("architectures") or found.architectures())[0]
    tasks = task_architectures(found.kind)
    if architecture not in found.architectures() and architecture not in tasks:
        raise SettingError(
            f"{folder}: architectures = [{architecture!r}] is not known here",
            f"Known of {family}: {', '.join([*found.architectures(), *tasks])}",
        )
    settings = found.settings(config)
    config.done()
    use = tasks.get(architecture)
    weights = _named(found, use, read_weights(folder), folder)
    others = {n for n in weights if use is None or not belongs_to_task(n, found.kind, use)}
    parts = found.build(settings, others)
    if use is not None:
        parts.task = build_task_head(parts, use, values, str(folder))
    with torch.no_grad():
        for parameter in parts.parameters():
            parameter.zero_()  # padding rows of the vocabulary, and heads that the file has not
    fill(found, parts, weights)
    return parts.eval()


def read_config(folder: Path) -> dict[str, Any]:
    """`config.json`; WebtextError where it is missing or damaged."""
    try:
        values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WebtextError(
            f"{folder} holds no model of Hugging Face: {reason(error)}",
            "It needs config.json and model.safetensors (pickled weights are not read)",
        ) from None
    if not isinstance(values, dict):
        raise WebtextError(f"{folder / 'config.json'} is no object", "Take it from the model again")
    return values


def read_weights(folder: Path) -> dict[str, Tensor]:
    """All tensors by name.  WebtextError where a file is missing, damaged or outside the folder."""
    try:
        if (folder / _WEIGHTS).exists() or not (folder / _INDEX).exists():
            return load_file(folder / _WEIGHTS)
        named = json.loads((folder / _INDEX).read_text(encoding="utf-8"))["weight_map"]
        weights: dict[str, Tensor] = {}
        for file in sorted(set(named.values())):
            if Path(file).name != file:
                raise ValueError(f"{_INDEX} names {file!r}, which is not in the folder")
            weights |= load_file(folder / file)
        if missing := sorted(named.keys() - weights.keys()):
            raise ValueError(f"{missing[0]} is in none of the files that {_INDEX} names")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise WebtextError(
            f"{folder} holds no weights that can be read: {reason(error)}",
            "It needs model.safetensors (pickled weights are not read)",
        ) from None
    return weights


def _named(
    format: Format, use: Use | None, weights: dict[str, Tensor], folder: Path
) -> dict[str, Tensor]:
    """The weights under today's names, without buffers and copies of tied weights."""
    found: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        of_task = use is not None and belongs_to_task(name, format.kind, use)
        today = name if of_task else format.name(name)
        if today is None:
            continue
        if today in found:
            raise WebtextError(
                f"{folder}: {name} is there under two names",
                "Take the weights from the model again",
            )
        found[today] = tensor
    return found


def fill(format: Format, parts: Parts[Any], weights: dict[str, Tensor]) -> None:
    """Fills the model.  Raises WebtextError for a name or shape that is not this model's."""
    wanted = dict(format.tensors(parts)) | dict(task_tensors(parts))
    extra = weights.keys() - wanted.keys() - set(format.copies)
    missing = wanted.keys() - weights.keys() - set(format.optional)
    for name, what in ((min(extra, default=""), "has no counterpart here"),
                       (min(missing, default=""), "is missing")):  # fmt: skip
        if name:
            raise WebtextError(
                f"The weights are not those of {format.architecture(parts)}: {name} {what}",
                "Name another model, or set [model] as its config.json says",
            )
    for name, tensor in wanted.items():
        if name not in weights:
            continue
        if weights[name].shape != tensor.shape:
            raise WebtextError(
                f"{name} has the shape {tuple(weights[name].shape)}, not {tuple(tensor.shape)}",
                "Take the config.json of the weights",
            )
        with torch.no_grad():
            tensor.copy_(weights[name].float())


def to_hf(parts: Parts[Any]) -> dict[str, Tensor]:
    """The weights under Hugging Face's names, the padding rows of the vocabulary cut off."""
    named = dict(FORMATS[parts.kind].tensors(parts)) | dict(task_tensors(parts))
    return {name: tensor.cpu().contiguous() for name, tensor in named.items()}


def save_parts(
    parts: Parts[Any], folder: Path, tokenizer: Path | None, end: int | None, card: str
) -> None:
    """Writes what transformers' classes and `AutoTokenizer` open, and a model card.

    `end` ends a document of a decoder.  All files can be read by others.
    """
    format = FORMATS[parts.kind]
    loaded = Tokenizer.from_file(str(tokenizer)) if tokenizer is not None else None
    decoder = isinstance(parts.model, GPT)
    special = SpecialTokens(first=end, last=end)
    if loaded is not None and not decoder:
        vocabulary = Vocabulary.of(loaded)
        special = SpecialTokens(vocabulary.pad, vocabulary.cls, vocabulary.sep)
    config = format.config(parts, special) | task_config(parts)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(to_hf(parts), folder / _WEIGHTS, metadata={"format": "pt"})
    _write_json(folder / "config.json", config)
    (folder / "README.md").write_text(card, encoding="utf-8")
    if decoder:
        generation = {"bos_token_id": end, "eos_token_id": end}
        _write_json(folder / "generation_config.json", generation)
    if tokenizer is not None and loaded is not None:
        text = portable_tokenizer(tokenizer.read_text(encoding="utf-8"))
        (folder / "tokenizer.json").write_text(text, encoding="utf-8")
        _write_json(
            folder / "tokenizer_config.json",
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "model_max_length": parts.model.settings.context,
                "clean_up_tokenization_spaces": False,
                # Left out, it has been with segments and without, by the version of transformers.
                "model_input_names": list(format.inputs),
                **_special_names(loaded, end, decoder),
            },
        )
    for file in folder.iterdir():
        if file.is_file():
            file.chmod(0o644)


def _special_names(tokenizer: Tokenizer, end: int | None, decoder: bool) -> dict[str, str | None]:
    if decoder:
        name = tokenizer.id_to_token(end) if end is not None else None
        return {"bos_token": name, "eos_token": name}
    vocabulary = Vocabulary.of(tokenizer)
    ids = {
        "pad_token": vocabulary.pad,
        "cls_token": vocabulary.cls,
        "sep_token": vocabulary.sep,
        "mask_token": vocabulary.mask,
    }
    return {name: tokenizer.id_to_token(number) for name, number in ids.items()}


def _write_json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
