"""GPT-2 to and from Hugging Face's format, exactly.

The names are one table; its inverse is derived.  Hugging Face keeps the projections
as `Conv1D`, whose weight is the transpose of a Linear's.  Released checkpoints come with
or without the prefix `transformer.`, and old ones hold masks that are no weights.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pipeline.store.errors import SettingError, WebtextError, reason
from trainer.models.gpt import GPT
from trainer.settings.recipe import ModelSettings

#: Ours -> Hugging Face's; `*` stands for the number of the block.
NAMES = {
    "tokens": "wte",
    "positions": "wpe",
    "blocks.*.norm_1": "h.*.ln_1",
    "blocks.*.attention.qkv": "h.*.attn.c_attn",
    "blocks.*.attention.out": "h.*.attn.c_proj",
    "blocks.*.norm_2": "h.*.ln_2",
    "blocks.*.up": "h.*.mlp.c_fc",
    "blocks.*.down": "h.*.mlp.c_proj",
    "norm": "ln_f",
}
_PREFIX = "transformer."
#: In old checkpoints: causal masks, and the head, which is the token embedding.
_NO_WEIGHT = re.compile(r"(\.attn\.(bias|masked_bias)|^lm_head\.weight)$")


def their_name(name: str) -> str:
    """Hugging Face's name of one of our parameters."""
    module, _, kind = name.rpartition(".")
    number = re.search(r"\.(\d+)\.", name)
    pattern = re.sub(r"\.\d+\.", ".*.", module)
    return f"{_PREFIX}{NAMES[pattern].replace('*', number[1] if number else '*')}.{kind}"


def to_hf(model: GPT) -> dict[str, Tensor]:
    """The weights under Hugging Face's names, the padding rows of the embedding cut off."""
    weights = {}
    for name, parameter in model.named_parameters():
        tensor = parameter.detach().cpu()
        if name == "tokens.weight":
            tensor = tensor[: model.vocab]
        weights[their_name(name)] = (tensor.T if _transposed(name) else tensor).contiguous()
    return weights


def from_hf(model: GPT, weights: dict[str, Tensor]) -> None:
    """Fills the model.  Raises WebtextError for a name or shape that is not GPT-2's."""
    found = {
        name if name.startswith(_PREFIX) else _PREFIX + name: tensor
        for name, tensor in weights.items()
        if not _NO_WEIGHT.search(name)
    }
    wanted = to_hf(model)
    if wrong := sorted(wanted.keys() ^ found.keys()):
        raise WebtextError(
            f"The weights are not this GPT-2's: {wrong[0]} has no counterpart",
            "Name another model, or set [model] as its config.json says",
        )
    for name, parameter in model.named_parameters():
        theirs = their_name(name)
        if found[theirs].shape != wanted[theirs].shape:
            raise WebtextError(
                f"{theirs} has the shape {tuple(found[theirs].shape)}, "
                f"not {tuple(wanted[theirs].shape)}",
                "Set [model] as the config.json of the weights says",
            )
        with torch.no_grad():
            tensor = found[theirs].float()
            rows = parameter[: model.vocab] if name == "tokens.weight" else parameter
            rows.copy_(tensor.T if _transposed(name) else tensor)


def _transposed(name: str) -> bool:
    return name.endswith(("qkv.weight", "out.weight", "up.weight", "down.weight"))


def config_of(settings: ModelSettings, end: int | None) -> dict[str, Any]:
    """The `config.json` of `GPT2LMHeadModel`.

    Raises SettingError for what GPT-2 in Hugging Face's library cannot do.
    """
    if settings.attention != "dense" or settings.document_mask:
        raise SettingError(
            "Hugging Face's GPT-2 has neither banded attention nor document masks",
            "Export a run with model.attention = dense and model.document_mask = false",
        )
    return {
        "activation_function": "gelu_new",
        "architectures": ["GPT2LMHeadModel"],
        "attn_pdrop": settings.dropout,
        "bos_token_id": end,
        "dtype": "float32",
        "embd_pdrop": settings.dropout,
        "eos_token_id": end,
        "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-5,
        "model_type": "gpt2",
        "n_embd": settings.width,
        "n_head": settings.heads,
        "n_inner": None,
        "n_layer": settings.layers,
        "n_positions": settings.context,
        "resid_pdrop": settings.dropout,
        "tie_word_embeddings": True,
        "vocab_size": settings.vocab,
    }


def settings_of(config: dict[str, Any]) -> ModelSettings:
    """Our settings of a Hugging Face `config.json`; SettingError when it is another model."""
    kind = config.get("model_type"), config.get("activation_function", "gelu_new")
    if kind != ("gpt2", "gelu_new") or config.get("n_inner") not in (None, 4 * config["n_embd"]):
        raise SettingError(
            f"These weights are no GPT-2 as released: {kind}", "Name a GPT-2 of that architecture"
        )
    values = {
        "layers": config["n_layer"],
        "width": config["n_embd"],
        "heads": config["n_head"],
        "context": config.get("n_positions", 1024),
        "vocab": config["vocab_size"],
        "dropout": config.get("resid_pdrop", 0.1),
    }
    return ModelSettings.checked(values, "config.json")


def load_hf(folder: str | Path) -> GPT:
    """The model of a folder with `config.json` and `model.safetensors`.

    Raises WebtextError when one is missing or damaged.
    """
    folder = Path(folder)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        weights = load_file(folder / "model.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise WebtextError(
            f"{folder} holds no GPT-2 of Hugging Face: {reason(error)}",
            "It needs config.json and model.safetensors (pickled weights are not read)",
        ) from None
    model = GPT(settings_of(config))
    model.init_weights(0)
    from_hf(model, weights)
    return model.eval()


def save_hf(model: GPT, folder: Path, tokenizer: Path, end: int | None, card: str) -> None:
    """Writes all that `AutoModelForCausalLM` and `AutoTokenizer` open, and a model card."""
    config = config_of(model.settings, end)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(to_hf(model), folder / "model.safetensors", metadata={"format": "pt"})
    shutil.copyfile(tokenizer, folder / "tokenizer.json")
    text = json.loads(tokenizer.read_text(encoding="utf-8"))
    names = {token["id"]: token["content"] for token in text["added_tokens"]}
    special = {"bos_token": names.get(end), "eos_token": names.get(end)}
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": model.settings.context,
        "clean_up_tokenization_spaces": False,
        **special,
    }
    generation = {"bos_token_id": end, "eos_token_id": end}
    for name, said in (
        ("config.json", config),
        ("tokenizer_config.json", tokenizer_config),
        ("generation_config.json", generation),
    ):
        (folder / name).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(card, encoding="utf-8")
