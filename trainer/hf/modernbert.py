"""`ModernBertForMaskedLM`."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

from pipeline.store.errors import SettingError
from trainer.hf.config import ACTIVATIONS, Config
from trainer.hf.format import Format, Named, SpecialTokens, weights_of
from trainer.models.encoder import STD, Encoder
from trainer.models.heads import MaskedHead
from trainer.models.parts import Parts
from trainer.settings.model import EncoderSettings, ModelSettings

_FULL, _SLIDING = "full_attention", "sliding_attention"
#: What every ModernBERT is.
_MODERN = {
    "norm": "layer",
    "norm_first": True,
    "positions": "rope",
    "types": 0,
    "gated": True,
    "bias": False,
}


class ModernBertFormat(Format):
    """ModernBERT (Warner et al. 2024)."""

    kind = "modernbert"
    families = ("modernbert",)
    prefix = "model"
    heads = ("head.", "decoder.")
    copies = MappingProxyType(
        {
            "decoder.weight": "model.embeddings.tok_embeddings.weight",
        }
    )

    def architectures(self) -> tuple[str, ...]:
        """With and without the head."""
        return "ModernBertForMaskedLM", "ModernBertModel"

    def architecture(self, parts: Parts[Encoder]) -> str:
        """By the head."""
        return "ModernBertModel" if parts.masked is None else "ModernBertForMaskedLM"

    def settings(self, config: Config) -> ModelSettings:
        """Refuses biases, scaled positions and patterns of layers that cannot be set."""
        for name in ("attention_bias", "mlp_bias", "norm_bias", "classifier_bias"):
            config.must(name, False)
        for name in ("tie_word_embeddings", "decoder_bias"):
            config.must(name, True)
        for name in ("embedding_dropout", "mlp_dropout", "attention_dropout"):
            config.must(name, 0.0)
        activation = config.activation("hidden_activation", "gelu")
        config.must(
            "classifier_activation", config.get("hidden_activation", "gelu"), default="gelu"
        )
        far, close = _thetas(config)
        layers, every = (
            config.layers("num_hidden_layers"),
            config.get("global_attn_every_n_layers", 3),
        )
        kinds = config.get("layer_types")
        if kinds is not None:
            every = next(
                (n for n in range(1, layers + 1) if _kinds(layers, n) == list(kinds)), None
            )
            if every is None:
                raise config.refusal("layer_types", kinds)
        values = {
            "kind": "encoder",
            "layers": layers,
            "width": config.need("hidden_size"),
            "heads": config.need("num_attention_heads"),
            "inner": config.need("intermediate_size"),
            "context": config.need("max_position_embeddings"),
            "vocab": config.need("vocab_size"),
            "eps": config.get("norm_eps", 1e-5),
            "activation": activation,
            "attention": "sliding",
            "band": config.get("local_attention", 128) // 2,
            "global_every": every,
            "rope_theta": far,
            "local_theta": close,
            **_MODERN,
        }
        return EncoderSettings.checked(values, "config.json")

    def config(self, parts: Parts[Encoder], special: SpecialTokens) -> dict[str, Any]:
        """Refuses what is none of its settings."""
        settings = parts.model.settings
        _check_exportable(settings)
        every = settings.global_every
        return {
            "architectures": [self.architecture(parts)],
            "attention_bias": False,
            "attention_dropout": 0.0,
            "bos_token_id": special.first,
            "classifier_activation": ACTIVATIONS[settings.activation],
            "classifier_bias": False,
            "classifier_pooling": "cls",
            "cls_token_id": special.first,
            "decoder_bias": True,
            "dtype": "float32",
            "embedding_dropout": 0.0,
            "eos_token_id": special.last,
            # Twice: first for transformers 4, then for 5.
            "global_attn_every_n_layers": every,
            "global_rope_theta": settings.rope_theta,
            "local_rope_theta": settings.local_theta,
            "layer_types": _kinds(settings.layers, every),
            "rope_parameters": {
                _FULL: {"rope_theta": settings.rope_theta, "rope_type": "default"},
                _SLIDING: {"rope_theta": settings.local_theta, "rope_type": "default"},
            },
            "hidden_activation": ACTIVATIONS[settings.activation],
            "hidden_size": settings.width,
            "initializer_range": STD,
            "intermediate_size": settings.inner_width,
            "local_attention": 2 * settings.band,
            "max_position_embeddings": settings.context,
            "mlp_bias": False,
            "mlp_dropout": 0.0,
            "model_type": self.kind,
            "norm_bias": False,
            "norm_eps": settings.eps,
            "num_attention_heads": settings.heads,
            "num_hidden_layers": settings.layers,
            "pad_token_id": 0 if special.pad is None else special.pad,
            "sep_token_id": special.last,
            "tie_word_embeddings": True,
            "vocab_size": settings.vocab,
        }

    def build(self, settings: ModelSettings, names: set[str]) -> Parts[Encoder]:
        """With the head if its weights are there."""
        assert isinstance(settings, EncoderSettings)
        masked = MaskedHead(settings) if "head.dense.weight" in names else None
        return Parts(self.kind, Encoder(settings), masked=masked)

    def tensors(self, parts: Parts[Encoder]) -> Iterator[Named]:
        """All weights, padding rows of the vocabulary cut off."""
        model = parts.model
        tokens = model.embeddings.tokens.weight.detach()[: model.settings.vocab]
        yield "model.embeddings.tok_embeddings.weight", tokens
        yield from weights_of("model.embeddings.norm", model.embeddings.norm)
        for number, block in enumerate(model.layers()):
            layer = f"model.layers.{number}"
            yield from weights_of(f"{layer}.attn_norm", block.norm_1)
            yield from weights_of(f"{layer}.attn.Wqkv", block.attention.qkv)
            yield from weights_of(f"{layer}.attn.Wo", block.attention.out)
            yield from weights_of(f"{layer}.mlp_norm", block.norm_2)
            yield from weights_of(f"{layer}.mlp.Wi", block.up)
            yield from weights_of(f"{layer}.mlp.Wo", block.down)
        assert model.norm is not None
        yield from weights_of("model.final_norm", model.norm)
        if parts.masked is not None:
            yield from weights_of("head.dense", parts.masked.dense)
            yield from weights_of("head.norm", parts.masked.norm)
            yield "decoder.bias", parts.masked.bias.detach()[: parts.masked.vocab]


def _kinds(layers: int, every: int) -> list[str]:
    return [_FULL if layer % every == 0 else _SLIDING for layer in range(layers)]


def _thetas(config: Config) -> tuple[float, float]:
    """Bases of the wave lengths of layers that see everything, and of the others."""
    old = config.get("global_rope_theta", 160_000.0), config.get("local_rope_theta", 10_000.0)
    rope = config.get("rope_parameters", {})
    for kind in rope:
        given = rope[kind]
        if kind not in (_FULL, _SLIDING) or set(given) - {"rope_theta", "rope_type"}:
            raise config.refusal("rope_parameters", rope)
        if given.get("rope_type", "default") != "default":
            raise config.refusal("rope_parameters", rope)
    far = rope.get(_FULL, {}).get("rope_theta", old[0])
    return far, rope.get(_SLIDING, {}).get("rope_theta", old[1])


def _check_exportable(settings: EncoderSettings) -> None:
    wrong = [name for name, value in _MODERN.items() if getattr(settings, name) != value]
    if settings.attention != "sliding" or not settings.global_every or settings.qk_norm:
        wrong += ["attention"]
    if settings.group_count != settings.layers or settings.projects or settings.dropout:
        wrong += ["groups, embedding or dropout"]
    if wrong:
        raise SettingError(
            f"Hugging Face's ModernBERT has no such model.{wrong[0]}",
            f"It is one with sliding attention, no dropout and {_MODERN}",
        )
