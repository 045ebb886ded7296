"""`GPT2LMHeadModel`.

It keeps the projections as `Conv1D`, whose weight is the transpose of a Linear's.  Released
checkpoints come with or without the prefix `transformer.`, and old ones hold causal masks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

from torch import nn

from pipeline.store.errors import SettingError
from trainer.hf.config import ACTIVATIONS, Config
from trainer.hf.format import Format, Named, SpecialTokens, weights_of
from trainer.models.gpt import GPT
from trainer.models.parts import Parts
from trainer.settings.model import ModelSettings

_MASK = re.compile(r"\.attn\.bias$")


class Gpt2Format(Format):
    """GPT-2, released or of the same make."""

    kind = "gpt2"
    families = ("gpt2",)
    prefix = "transformer"
    heads = ("lm_head.",)
    copies = MappingProxyType({"lm_head.weight": "transformer.wte.weight"})

    def architectures(self) -> tuple[str, ...]:
        """With or without the head, which is the token embedding."""
        return "GPT2LMHeadModel", "GPT2Model"

    def architecture(self, parts: Parts[GPT]) -> str:
        """Always with the head."""
        return "GPT2LMHeadModel"

    def settings(self, config: Config) -> ModelSettings:
        """GPT-2 with any shape, activation, epsilon and head."""
        config.must("scale_attn_weights", True)
        config.must("scale_attn_by_inverse_layer_idx", False)
        config.must("add_cross_attention", False)
        config.must("is_decoder", False, True)
        values = {
            "layers": config.layers("n_layer"),
            "width": config.need("n_embd"),
            "heads": config.need("n_head"),
            "inner": config.get("n_inner", 0),
            "context": config.get("n_positions", 1024),
            "vocab": config.need("vocab_size"),
            "dropout": config.get("resid_pdrop", 0.1),
            "attention_dropout": config.get("attn_pdrop", 0.1),
            "eps": config.get("layer_norm_epsilon", 1e-5),
            "activation": config.activation("activation_function", "gelu_new"),
            "tied": config.get("tie_word_embeddings", True),
        }
        config.get("embd_pdrop")  # there is one rate here for embedding and residuals
        return ModelSettings.checked(values, "config.json")

    def config(self, parts: Parts[GPT], special: SpecialTokens) -> dict[str, Any]:
        """Refuses what GPT-2 cannot do: banded attention, document masks and modern blocks."""
        settings = parts.model.settings
        if settings.attention != "dense" or settings.document_mask:
            raise SettingError(
                "Hugging Face's GPT-2 has neither banded attention nor document masks",
                "Export a run with model.attention = dense and model.document_mask = false",
            )
        return {
            "activation_function": ACTIVATIONS[settings.activation],
            "architectures": [self.architecture(parts)],
            "attn_pdrop": settings.attention_drop,
            "bos_token_id": special.first,
            "dtype": "float32",
            "embd_pdrop": settings.dropout,
            "eos_token_id": special.last,
            "initializer_range": 0.02,
            "layer_norm_epsilon": settings.eps,
            "model_type": "gpt2",
            "n_embd": settings.width,
            "n_head": settings.heads,
            "n_inner": settings.inner or None,
            "n_layer": settings.layers,
            "n_positions": settings.context,
            "resid_pdrop": settings.dropout,
            "tie_word_embeddings": settings.tied,
            "vocab_size": settings.vocab,
        }

    def build(self, settings: ModelSettings, names: set[str]) -> Parts[GPT]:
        """The decoder."""
        return Parts(self.kind, GPT(settings))

    def tensors(self, parts: Parts[GPT]) -> Iterator[Named]:
        """All weights, padding rows of the embedding cut off."""
        model = parts.model
        assert model.positions is not None
        yield "transformer.wte.weight", model.tokens.weight.detach()[: model.vocab]
        yield "transformer.wpe.weight", model.positions.weight.detach()
        for number, block in enumerate(model.layers()):
            layer = f"transformer.h.{number}"
            yield from weights_of(f"{layer}.ln_1", block.norm_1)
            yield from _transposed(f"{layer}.attn.c_attn", block.attention.qkv)
            yield from _transposed(f"{layer}.attn.c_proj", block.attention.out)
            yield from weights_of(f"{layer}.ln_2", block.norm_2)
            yield from _transposed(f"{layer}.mlp.c_fc", block.up)
            yield from _transposed(f"{layer}.mlp.c_proj", block.down)
        yield from weights_of("transformer.ln_f", model.norm)
        if model.output is not None:
            yield "lm_head.weight", model.output.weight.detach()[: model.vocab]

    def name(self, name: str) -> str | None:
        """Old files hold masks of attention."""
        return None if _MASK.search(name) else super().name(name)


def _transposed(name: str, module: nn.Module) -> Iterator[Named]:
    for key, tensor in weights_of(name, module):
        yield key, tensor.T if tensor.dim() == 2 else tensor
