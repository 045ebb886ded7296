"""A folder in Hugging Face's format: opened as a model of ours, and written."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
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
from trainer.hf.distilbert import DistilBertFormat
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
        DistilBertFormat(),
        ModernBertFormat(),
    )
}
_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"
_LONGEST_JSON = 1 << 26  # bytes; the index of the largest released models has some 10 MB
_NEEDS = (
    "It needs config.json and model.safetensors; pickled weights are not read: save them anew with "
    "transformers' save_pretrained"
)
#: What weights are kept in; quantised ones mean nothing without their scales.
_KINDS = (torch.float32, torch.bfloat16, torch.float16, torch.float64)


def load_parts(folder: str | Path) -> Parts[Any]:
    """The model of a folder with `config.json` and safetensors, in one file or several.

    Raises WebtextError when one is missing or damaged, SettingError for a model that is not
    known here, with the field that makes it so.
    """
    folder = Path(folder)
    values = read_config(folder)
    config = Config(values, str(folder / "config.json"))
    family = config.need("model_type")
    format = next((one for one in FORMATS.values() if family in one.families), None)
    if format is None:
        families = ", ".join(sorted(name for one in FORMATS.values() for name in one.families))
        raise SettingError(
            f"{folder}: model_type = {family!r} is not known here", f"Known: {families}"
        )
    architecture = _architecture(config, format)
    tasks = task_architectures(format.kind)
    if architecture not in format.architectures() and architecture not in tasks:
        raise SettingError(
            f"{folder}: architectures = [{architecture!r}] is not known here",
            f"Known of {family}: {', '.join([*format.architectures(), *tasks])}",
        )
    with _values_understood(config):
        settings = format.settings(config)
    config.done()
    use = tasks.get(architecture)
    weights = _named(format, use, read_weights(folder), folder)
    others = {n for n in weights if use is None or not belongs_to_task(n, format.kind, use)}
    with torch.device("meta"):  # a config may ask for more than there is memory
        parts = format.build(settings, others)
        if use is not None:
            with _values_understood(config):
                parts.task = build_task_head(parts, use, values, str(folder))
    fill(format, parts, weights)
    return parts.eval()


@contextmanager
def _values_understood(config: Config) -> Iterator[None]:
    """A value of another kind than its name has (text for a number) is the config's mistake."""
    try:
        yield
    except (TypeError, ValueError, KeyError, AttributeError, ArithmeticError) as error:
        raise SettingError(
            f"{config.where} holds a value of a wrong kind: {error}",
            "Take the config of the weights",
        ) from None


def _architecture(config: Config, format: Format) -> str:
    """The first class that a config names, or the usual one."""
    named = config.get("architectures") or format.architectures()
    if not isinstance(named, list | tuple) or not isinstance(named[0], str):
        raise config.refusal("architectures", named)
    return named[0]


def read_config(folder: Path) -> dict[str, Any]:
    """`config.json`; WebtextError where it is missing or damaged."""
    try:
        values = _read_json(folder / "config.json")
    except (OSError, ValueError) as error:
        raise WebtextError(
            f"{folder} holds no model of Hugging Face: {reason(error)}", _NEEDS
        ) from None
    if not isinstance(values, dict):
        raise WebtextError(f"{folder / 'config.json'} is no object", "Take it from the model again")
    return values


def read_weights(folder: Path) -> dict[str, Tensor]:
    """All tensors by name.  WebtextError where a file is missing, damaged or outside the folder."""
    try:
        if (folder / _WEIGHTS).exists() or not (folder / _INDEX).exists():
            return load_file(folder / _WEIGHTS)
        weights: dict[str, Tensor] = {}
        named = _index(folder)
        for file in sorted(set(named.values())):
            part = load_file(folder / file)
            if twice := sorted(part.keys() & weights.keys()):
                raise ValueError(f"{twice[0]} is in two files")
            weights |= part
        if missing := sorted(named.keys() - weights.keys()):
            raise ValueError(f"{missing[0]} is in none of the files that {_INDEX} names")
    except (OSError, ValueError, SafetensorError) as error:
        raise WebtextError(
            f"{folder} holds no weights that can be read: {reason(error)}", _NEEDS
        ) from None
    return weights


def _index(folder: Path) -> dict[str, str]:
    """In which file of the folder each tensor is; ValueError for an index that says otherwise."""
    index = _read_json(folder / _INDEX)
    named = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(named, dict) or not named:
        raise ValueError(f"{_INDEX} has no weight_map")
    for file in named.values():
        plain = isinstance(file, str) and Path(file).name == file
        if not plain or not file.endswith(".safetensors"):
            raise ValueError(f"{_INDEX} names {file!r}, which is no safetensors file of the folder")
    return named


def _read_json(path: Path) -> Any:
    """OSError or ValueError where it cannot be read."""
    if path.stat().st_size > _LONGEST_JSON:
        raise ValueError(f"{path.name} is longer than {_LONGEST_JSON:,} bytes")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError(f"{path.name} is nested too deeply") from None


def _named(
    format: Format, use: Use | None, weights: dict[str, Tensor], folder: Path
) -> dict[str, Tensor]:
    """The weights under today's names, without buffers and copies of tied weights."""
    named: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        of_task = use is not None and belongs_to_task(name, format.kind, use)
        today = name if of_task else format.name(name)
        if today is None:
            continue
        if today in named:
            raise WebtextError(
                f"{folder}: {name} is there under two names",
                "Take the weights from the model again",
            )
        named[today] = tensor
    return named


def fill(format: Format, parts: Parts[Any], weights: dict[str, Tensor]) -> None:
    """Fills the model, with memory of its own; what `weights` has not is 0.

    Raises WebtextError for a name, shape or kind of number that is not this model's.
    """
    weights = _without_copies(format, weights, dict(format.tensors(parts)).keys())
    _check_fit(format, parts, weights)
    parts.to_empty(device="cpu")
    with torch.no_grad():
        for parameter in parts.parameters():
            parameter.zero_()  # padding rows of the vocabulary, and heads that the file has not
        for name, tensor in _tensors(format, parts).items():
            if name in weights:
                tensor.copy_(weights[name].float())


def _tensors(format: Format, parts: Parts[Any]) -> dict[str, Tensor]:
    """All weights under their names: the model's, and those of a head for a task."""
    return dict(format.tensors(parts)) | dict(task_tensors(parts))


def _without_copies(
    format: Format, weights: dict[str, Tensor], wanted: Collection[str]
) -> dict[str, Tensor]:
    """Each tied weight once.  WebtextError where a copy is not equal to what it copies.

    transformers unties such weights, which makes another model.
    """
    result = dict(weights)
    for copy, original in format.copies.items():
        if copy in wanted or copy not in result:
            continue
        tensor = result.pop(copy)
        if not torch.equal(result.setdefault(original, tensor), tensor):
            raise WebtextError(
                f"{copy} is not {original}, though config.json says that they are one",
                "Set tie_word_embeddings = false there if they are two",
            )
    return result


def _check_fit(format: Format, parts: Parts[Any], weights: dict[str, Tensor]) -> None:
    wanted = _tensors(format, parts)
    extra = weights.keys() - wanted.keys()
    missing = wanted.keys() - weights.keys() - set(format.optional)
    for name, what in ((min(extra, default=""), "has no counterpart here"),
                       (min(missing, default=""), "is missing")):  # fmt: skip
        if name:
            raise WebtextError(
                f"The weights are not those of {format.architecture(parts)}: {name} {what}",
                "Name another model, or set [model] as its config.json says",
            )
    for name, tensor in weights.items():
        if tensor.shape != wanted[name].shape:
            raise WebtextError(
                f"{name} has the shape {tuple(tensor.shape)}, not {tuple(wanted[name].shape)}",
                "Take the config.json of the weights",
            )
        if tensor.dtype not in _KINDS:
            raise WebtextError(
                f"{name} is of {str(tensor.dtype).removeprefix('torch.')}; quantised weights are "
                "not read",
                "Take the model in float32, bfloat16 or float16",
            )


def to_hf(parts: Parts[Any]) -> dict[str, Tensor]:
    """The weights under Hugging Face's names, the padding rows of the vocabulary cut off."""
    named = _tensors(FORMATS[parts.kind], parts)
    return {name: tensor.cpu().contiguous() for name, tensor in named.items()}


def save_parts(
    parts: Parts[Any], folder: Path, tokenizer: Path | None, end: int | None, card: str
) -> list[str]:
    """Writes what transformers' classes and `AutoTokenizer` open, and a model card; their names.

    `end` ends a document of a decoder.  All files can be read by others.
    """
    format = FORMATS[parts.kind]
    loaded = Tokenizer.from_file(str(tokenizer)) if tokenizer is not None else None
    decoder = isinstance(parts.model, GPT)
    special = SpecialTokens(first=end, last=end)
    if loaded is not None and not decoder:
        vocabulary = Vocabulary.of(loaded)
        special = SpecialTokens(vocabulary.pad, vocabulary.cls, vocabulary.sep)
    texts = {"config.json": _json(format.config(parts, special) | task_config(parts))}
    texts["README.md"] = card
    if decoder:
        texts["generation_config.json"] = _json({"bos_token_id": end, "eos_token_id": end})
    if tokenizer is not None and loaded is not None:
        texts["tokenizer.json"] = portable_tokenizer(tokenizer.read_text(encoding="utf-8"))
        texts["tokenizer_config.json"] = _json(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "model_max_length": parts.model.settings.context,
                "clean_up_tokenization_spaces": False,
                # Left out, it has been with segments and without, by the version of transformers.
                "model_input_names": list(format.inputs),
                **_special_names(loaded, end, decoder),
            }
        )
    folder.mkdir(parents=True, exist_ok=True)
    save_file(to_hf(parts), folder / _WEIGHTS, metadata={"format": "pt"})
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    for file in folder.iterdir():
        if file.is_file():
            file.chmod(0o644)
    return [_WEIGHTS, *texts]


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


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=2) + "\n"
