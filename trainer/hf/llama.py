"""`Qwen3ForCausalLM`, `LlamaForCausalLM` and `ArceeForCausalLM`.

The first where query and key are normalised, the last where the feed-forward layer is ReLU².
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

from pipeline.store.errors import SettingError
from trainer.hf.config import Config
from trainer.hf.format import Format, Named, SpecialTokens, stacked_weights, weights_of
from trainer.models.gpt import GPT
from trainer.models.parts import Parts
from trainer.settings.model import ModelSettings

_CLASSES = {
    "qwen3": "Qwen3ForCausalLM",
    "llama": "LlamaForCausalLM",
    "arcee": "ArceeForCausalLM",
}
_FULL, _SLIDING = "full_attention", "sliding_attention"


class LlamaFormat(Format):
    """Decoders with rotary positions, RMS norms and no biases."""

    kind = "llama"
    families = tuple(_CLASSES)
    prefix = "model"
    heads = ("lm_head.",)
    copies = MappingProxyType({"lm_head.weight": "model.embed_tokens.weight"})

    def architectures(self) -> tuple[str, ...]:
        """All three."""
        return tuple(_CLASSES.values())

    def architecture(self, parts: Parts[GPT]) -> str:
        """By whether query and key are normalised, and by the feed-forward layer."""
        return _CLASSES[_family(parts.model.settings)]

    def settings(self, config: Config) -> ModelSettings:
        """Refuses scaled rotary positions, biases and patterns of layers that cannot be set."""
        family = config.need("model_type")
        config.must("hidden_act", _activation(family))
        config.must("attention_bias", False)
        config.must("mlp_bias", False)
        config.must("rope_scaling", False, {"rope_type": "default"}, default=False)
        rope = config.get("rope_parameters", {})
        if set(rope) - {"rope_theta", "rope_type"} or rope.get("rope_type", "default") != "default":
            raise config.refusal("rope_parameters", rope)
        if config.get("partial_rotary_factor", rope.get("partial_rotary_factor", 1.0)) != 1.0:
            raise config.refusal("partial_rotary_factor", config.get("partial_rotary_factor"))
        heads, width = config.need("num_attention_heads"), config.need("hidden_size")
        usual = 128 if family == "qwen3" else width // heads
        head_width = config.get("head_dim", usual)
        values = {
            "layers": config.layers("num_hidden_layers"),
            "width": width,
            "heads": heads,
            "kv_heads": config.get("num_key_value_heads", heads),
            "head_width": 0 if head_width * heads == width else head_width,
            "inner": config.need("intermediate_size"),
            "context": config.need("max_position_embeddings"),
            "vocab": config.need("vocab_size"),
            "tied": config.get("tie_word_embeddings", False),
            "attention_dropout": config.get("attention_dropout", 0.0),
            "eps": config.get("rms_norm_eps", 1e-5 if family == "arcee" else 1e-6),
            "rope_theta": rope.get("rope_theta", config.get("rope_theta", 10_000.0)),
            "qk_norm": family == "qwen3",
            "activation": _activation(family),
            "gated": family != "arcee",
            **_MODERN,
            **_window(config),
        }
        return ModelSettings.checked(values, "config.json")

    def config(self, parts: Parts[GPT], special: SpecialTokens) -> dict[str, Any]:
        """Refuses settings that are no class's."""
        settings = parts.model.settings
        family = _family(settings)
        _check_exported(settings, family)
        common: dict[str, Any] = {
            "architectures": [self.architecture(parts)],
            "attention_bias": False,
            "attention_dropout": settings.attention_drop,
            "bos_token_id": special.first,
            "dtype": "float32",
            "eos_token_id": special.last,
            "head_dim": settings.each_head,
            "hidden_act": settings.activation,
            "hidden_size": settings.width,
            "initializer_range": 0.02,
            "intermediate_size": settings.inner_width,
            "max_position_embeddings": settings.context,
            "model_type": family,
            "num_attention_heads": settings.heads,
            "num_hidden_layers": settings.layers,
            "num_key_value_heads": settings.kv_head_count,
            "rms_norm_eps": settings.eps,
            # Both forms: the first is read by transformers 4, the second by 5.
            "rope_theta": settings.rope_theta,
            "rope_parameters": {"rope_theta": settings.rope_theta, "rope_type": "default"},
            "tie_word_embeddings": settings.tied,
            "use_cache": True,
            "vocab_size": settings.vocab,
        }
        if family != "qwen3":
            return common | {"mlp_bias": False}
        sliding = settings.attention == "sliding"
        banded = [settings.banded(layer) for layer in range(settings.layers)]
        return common | {
            "layer_types": [_SLIDING if one else _FULL for one in banded],
            "max_window_layers": settings.layers if not sliding else 0,
            "sliding_window": settings.band if sliding else None,
            "use_sliding_window": sliding,
        }

    def build(self, settings: ModelSettings, names: set[str]) -> Parts[GPT]:
        """The decoder."""
        return Parts(self.kind, GPT(settings))

    def tensors(self, parts: Parts[GPT]) -> Iterator[Named]:
        """All weights, padding rows of the embedding cut off."""
        model = parts.model
        yield "model.embed_tokens.weight", model.tokens.weight.detach()[: model.vocab]
        for number, block in enumerate(model.layers()):
            layer, attention = f"model.layers.{number}", block.attention
            yield from weights_of(f"{layer}.input_layernorm", block.norm_1)
            names = (f"{layer}.self_attn.{one}_proj" for one in "qkv")
            rows = attention.stacked["qkv.weight"]
            yield from stacked_weights(list(names), attention.qkv, rows)
            yield from weights_of(f"{layer}.self_attn.o_proj", attention.out)
            if attention.norm_q is not None and attention.norm_k is not None:
                yield from weights_of(f"{layer}.self_attn.q_norm", attention.norm_q)
                yield from weights_of(f"{layer}.self_attn.k_norm", attention.norm_k)
            yield from weights_of(f"{layer}.post_attention_layernorm", block.norm_2)
            ups = [f"{layer}.mlp.gate_proj", f"{layer}.mlp.up_proj"]
            up_rows = block.stacked["up.weight"]
            yield from stacked_weights(ups[-len(up_rows) :], block.up, up_rows)
            yield from weights_of(f"{layer}.mlp.down_proj", block.down)
        yield from weights_of("model.norm", model.norm)
        if model.output is not None:
            yield "lm_head.weight", model.output.weight.detach()[: model.vocab]


#: What all three are, beside their shape.
_MODERN = {"positions": "rope", "norm": "rms", "bias": False}


def _check_exported(settings: ModelSettings, family: str) -> None:
    """Raises SettingError for settings that no class of transformers has."""
    wrong = [name for name, value in _MODERN.items() if getattr(settings, name) != value]
    if settings.document_mask or settings.attention == "gpt3" or settings.dropout:
        wrong += ["document_mask, attention or dropout"]
    if family != "qwen3" and settings.attention != "dense":
        wrong += ["attention (without qk_norm)"]
    if settings.activation != _activation(family) or settings.gated != (family != "arcee"):
        wrong += ["activation, with or without gated and qk_norm"]
    if wrong:
        raise SettingError(
            f"No class of transformers has this decoder's {wrong[0]}",
            "Exported are GPT-2's settings, and those of the recipe gpt-modern",
        )


def _family(settings: ModelSettings) -> str:
    if settings.qk_norm:
        return "qwen3"
    return "llama" if settings.gated else "arcee"


def _activation(family: str) -> str:
    return "relu2" if family == "arcee" else "silu"


def _window(config: Config) -> dict[str, Any]:
    """Which layers see a band only; refuses patterns that `model.global_every` cannot say."""
    layers = config.layers("num_hidden_layers")
    used, band = config.get("use_sliding_window", False), config.get("sliding_window")
    kinds = config.get("layer_types")
    first = config.get("max_window_layers", 28)
    if kinds is None:
        kinds = [_SLIDING if used and band and n >= first else _FULL for n in range(layers)]
    if len(kinds) != layers:
        raise config.refusal("layer_types", kinds)
    if all(kind == _FULL for kind in kinds):
        return {}
    for every in (0, *range(1, layers + 1)):
        window = {"attention": "sliding", "band": band, "global_every": every}
        shape = ModelSettings.model_validate(window)
        if [_SLIDING if shape.banded(n) else _FULL for n in range(layers)] == list(kinds):
            return window
    raise config.refusal("layer_types", kinds)
