"""BERT, ALBERT and ELECTRA to and from Hugging Face's format, exactly.

`BertForPreTraining`, `AlbertForPreTraining`, `ElectraForPreTraining` (the discriminator) and
`ElectraForMaskedLM` (the generator).  One table of names for each; tensors that their
classes tie to others are not written, as their `save_pretrained` does not.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from pipeline.store.errors import SettingError, WebtextError, reason
from trainer.data.vocabulary import Vocabulary
from trainer.models.encoder import STD, TYPES, Encoder
from trainer.models.heads import MaskedHead, PairHead, ReplacedHead
from trainer.settings.model import EncoderSettings

Kind = Literal["bert", "albert", "electra", "electra-generator"]

_CLASSES: dict[Kind, str] = {
    "bert": "BertForPreTraining",
    "albert": "AlbertForPreTraining",
    "electra": "ElectraForPreTraining",
    "electra-generator": "ElectraForMaskedLM",
}
_OUT = "model.blocks.*.attention.out"
#: Ours -> theirs; `*` is a block, in ALBERT `G` its group and `I` its place there.
_EMBEDDINGS = {
    "model.embeddings.tokens": "embeddings.word_embeddings",
    "model.embeddings.positions": "embeddings.position_embeddings",
    "model.embeddings.types": "embeddings.token_type_embeddings",
    "model.embeddings.norm": "embeddings.LayerNorm",
}
_LAYER = {
    "model.blocks.*.attention.out": "encoder.layer.*.attention.output.dense",
    "model.blocks.*.norm_1": "encoder.layer.*.attention.output.LayerNorm",
    "model.blocks.*.up": "encoder.layer.*.intermediate.dense",
    "model.blocks.*.down": "encoder.layer.*.output.dense",
    "model.blocks.*.norm_2": "encoder.layer.*.output.LayerNorm",
}
_SHARED = "encoder.albert_layer_groups.G.albert_layers.I."
_SHARED_LAYER = {
    "model.blocks.*.attention.out": f"{_SHARED}attention.dense",
    "model.blocks.*.norm_1": f"{_SHARED}attention.LayerNorm",
    "model.blocks.*.up": f"{_SHARED}ffn",
    "model.blocks.*.down": f"{_SHARED}ffn_output",
    "model.blocks.*.norm_2": f"{_SHARED}full_layer_layer_norm",
}
#: Inside the encoder, below the prefix `bert.`, `albert.` or `electra.`.
_INSIDE: dict[str, dict[str, str]] = {
    "bert": _EMBEDDINGS | _LAYER | {"pair.pooler": "pooler.dense"},
    "albert": _EMBEDDINGS
    | _SHARED_LAYER
    | {"model.project": "encoder.embedding_hidden_mapping_in", "pair.pooler": "pooler"},
    "electra": _EMBEDDINGS | _LAYER | {"model.project": "embeddings_project"},
}
_HEADS: dict[Kind, dict[str, str]] = {
    "bert": {
        "masked.dense": "cls.predictions.transform.dense",
        "masked.norm": "cls.predictions.transform.LayerNorm",
        "masked": "cls.predictions",
        "pair.score": "cls.seq_relationship",
    },
    "albert": {
        "masked.dense": "predictions.dense",
        "masked.norm": "predictions.LayerNorm",
        "masked": "predictions",
        "pair.score": "sop_classifier.classifier",
    },
    "electra": {
        "replaced.dense": "discriminator_predictions.dense",
        "replaced.score": "discriminator_predictions.dense_prediction",
    },
    "electra-generator": {
        "masked.dense": "generator_predictions.dense",
        "masked.norm": "generator_predictions.LayerNorm",
        "masked": "generator_lm_head",
    },
}
#: Copies of tensors that old checkpoints hold, and buffers.
_NO_WEIGHT = re.compile(r"(position_ids|token_type_ids|decoder\.(weight|bias)|lm_head\.weight)$")


class Parts(nn.Module):
    """An encoder with the heads that the `kind` has; others are None."""

    def __init__(
        self,
        kind: Kind,
        model: Encoder,
        masked: MaskedHead | None = None,
        pair: PairHead | None = None,
        replaced: ReplacedHead | None = None,
    ) -> None:
        super().__init__()
        self.kind: Kind = kind
        self.model = model
        self.masked, self.pair, self.replaced = masked, pair, replaced

    @classmethod
    def new(cls, kind: Kind, settings: EncoderSettings) -> Parts:
        """With weights that are not initialised."""
        model = Encoder(settings)
        if kind == "electra":
            return cls(kind, model, replaced=ReplacedHead(settings))
        pair = PairHead(settings) if kind in ("bert", "albert") else None
        return cls(kind, model, masked=MaskedHead(settings), pair=pair)


def _family(kind: Kind) -> str:
    return kind.partition("-")[0]


def _theirs(parts: Parts) -> Iterator[tuple[str, Tensor]]:
    """Each of their names with the slice of our parameter that it is, as a view."""
    kind, family, model = parts.kind, _family(parts.kind), parts.model
    for name, parameter in parts.named_parameters():
        tensor = parameter.detach()
        if name in ("model.embeddings.tokens.weight", "masked.bias"):
            tensor = tensor[: model.settings.vocab]
        module, _, end = name.rpartition(".")
        number = re.search(r"\.(\d+)\.", f"{module}.")
        pattern = re.sub(r"\.\d+\.", ".*.", module)
        if module in _HEADS[kind]:
            yield f"{_HEADS[kind][module]}.{end}", tensor
        elif pattern.endswith("attention.qkv"):
            out = f"{family}.{_numbered(_INSIDE[family][_OUT], number, model.settings)}"
            inside = out.replace("attention.output.dense", "attention.self.dense")
            for which, third in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                yield f"{inside.removesuffix('dense')}{which}.{end}", third
        else:
            theirs = _numbered(_INSIDE[family][pattern], number, model.settings)
            yield f"{family}.{theirs}.{end}", tensor


def _numbered(name: str, number: re.Match[str] | None, settings: EncoderSettings) -> str:
    if number is None:
        return name
    group, inner = divmod(int(number[1]), settings.inner_layers)
    name = name.replace("layer.*", f"layer.{number[1]}")
    return name.replace("groups.G.", f"groups.{group}.").replace("layers.I.", f"layers.{inner}.")


def encoder_to_hf(parts: Parts) -> dict[str, Tensor]:
    """The weights under Hugging Face's names, the padding rows of the vocabulary cut off."""
    return {name: tensor.cpu().contiguous() for name, tensor in _theirs(parts)}


def encoder_from_hf(parts: Parts, weights: dict[str, Tensor]) -> None:
    """Fills the model.  Raises WebtextError for a name or shape that is not this model's."""
    found = {n: t for n, t in weights.items() if not _NO_WEIGHT.search(n)}
    wanted = dict(_theirs(parts))
    if wrong := sorted(wanted.keys() ^ found.keys()):
        raise WebtextError(
            f"The weights are not those of {_CLASSES[parts.kind]}: {wrong[0]} has no counterpart",
            "Name another model, or set [model] as its config.json says",
        )
    for name, tensor in wanted.items():
        if found[name].shape != tensor.shape:
            raise WebtextError(
                f"{name} has the shape {tuple(found[name].shape)}, not {tuple(tensor.shape)}",
                "Set [model] as the config.json of the weights says",
            )
        tensor.copy_(found[name].float())


def config_of_encoder(parts: Parts, vocabulary: Vocabulary | None = None) -> dict[str, Any]:
    """The `config.json` of the class that `parts.kind` names.

    Raises SettingError for a shape that this class cannot have.
    """
    settings, family = parts.model.settings, _family(parts.kind)
    if family != "albert":
        shared = settings.group_count != settings.layers or settings.inner_layers > 1
        if shared or (family == "bert" and settings.projects):
            raise SettingError(
                f"Hugging Face's {family} has no shared layers, and BERT no narrower embedding",
                "Only an ALBERT of this shape can be exported",
            )
    elif not settings.projects:
        raise SettingError(
            "Hugging Face's ALBERT always has a layer from the embedding to the width",
            'Train with model.project = "always"',
        )
    config: dict[str, Any] = {
        "architectures": [_CLASSES[parts.kind]],
        "attention_probs_dropout_prob": settings.dropout,
        "dtype": "float32",
        "hidden_act": "gelu_new" if settings.activation == "tanh" else "gelu",
        "hidden_dropout_prob": settings.dropout,
        "hidden_size": settings.width,
        "initializer_range": STD,
        "intermediate_size": settings.inner_width,
        "layer_norm_eps": settings.eps,
        "max_position_embeddings": settings.context,
        "model_type": family,
        "num_attention_heads": settings.heads,
        "num_hidden_layers": settings.layers,
        "pad_token_id": vocabulary.pad if vocabulary else 0,
        "tie_word_embeddings": True,
        "type_vocab_size": TYPES,
        "vocab_size": settings.vocab,
    }
    if family != "bert":
        config["embedding_size"] = settings.embedding_width
    if family == "albert":
        config |= {
            "bos_token_id": vocabulary.cls if vocabulary else 2,
            "eos_token_id": vocabulary.sep if vocabulary else 3,
            "classifier_dropout_prob": 0.1,
            "inner_group_num": settings.inner_layers,
            "num_hidden_groups": settings.group_count,
        }
    return config


def encoder_settings_of(config: dict[str, Any]) -> tuple[Kind, EncoderSettings]:
    """Kind and settings of a Hugging Face `config.json`; SettingError when it is another model."""
    names = {name: kind for kind, name in _CLASSES.items()}
    said = (config.get("architectures") or [""])[0]
    if said not in names or config.get("hidden_act", "gelu") not in ("gelu", "gelu_new"):
        raise SettingError(
            f"These weights are no encoder that is known here: {said or config.get('model_type')}",
            f"Known: {', '.join(names)}",
        )
    kind = names[said]
    values = {
        "kind": "encoder",
        "layers": config["num_hidden_layers"],
        "width": config["hidden_size"],
        "heads": config["num_attention_heads"],
        "inner": config["intermediate_size"],
        "context": config["max_position_embeddings"],
        "vocab": config["vocab_size"],
        "embedding": config.get("embedding_size", config["hidden_size"]),
        "dropout": config["hidden_dropout_prob"],
        "eps": config["layer_norm_eps"],
        "activation": "tanh" if config["hidden_act"] == "gelu_new" else "erf",
    }
    if kind == "albert":
        values |= {
            "groups": config["num_hidden_groups"],
            "inner_layers": config["inner_group_num"],
            "project": "always",
        }
    return kind, EncoderSettings.checked(values, "config.json")


def load_encoder(folder: str | Path) -> Parts:
    """The model of a folder with `config.json` and `model.safetensors`.

    Raises WebtextError when one is missing or damaged, SettingError for another model.
    """
    folder = Path(folder)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        weights = load_file(folder / "model.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise WebtextError(
            f"{folder} holds no encoder of Hugging Face: {reason(error)}",
            "It needs config.json and model.safetensors (pickled weights are not read)",
        ) from None
    kind, settings = encoder_settings_of(config)
    parts = Parts.new(kind, settings)
    with torch.no_grad():
        for parameter in parts.parameters():
            parameter.zero_()  # the padding rows of the vocabulary
    encoder_from_hf(parts, weights)
    return parts.eval()


def save_encoder(parts: Parts, folder: Path, tokenizer: Path | None, card: str) -> None:
    """Writes what the class of `parts.kind` and `AutoTokenizer` open, and a model card."""
    loaded = Tokenizer.from_file(str(tokenizer)) if tokenizer is not None else None
    vocabulary = Vocabulary.of(loaded) if loaded is not None else None
    config = config_of_encoder(parts, vocabulary)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(encoder_to_hf(parts), folder / "model.safetensors", metadata={"format": "pt"})
    _write_json(folder / "config.json", config)
    (folder / "README.md").write_text(card, encoding="utf-8")
    if tokenizer is not None and loaded is not None:
        shutil.copyfile(tokenizer, folder / "tokenizer.json")
        said = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": parts.model.settings.context,
            "clean_up_tokenization_spaces": False,
            **_special_tokens(loaded),
        }
        _write_json(folder / "tokenizer_config.json", said)


def _special_tokens(tokenizer: Tokenizer) -> dict[str, str | None]:
    vocabulary = Vocabulary.of(tokenizer)
    ids = {
        "pad_token": vocabulary.pad,
        "cls_token": vocabulary.cls,
        "sep_token": vocabulary.sep,
        "mask_token": vocabulary.mask,
    }
    return {name: tokenizer.id_to_token(number) for name, number in ids.items()}


def _write_json(path: Path, said: dict[str, Any]) -> None:
    path.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
