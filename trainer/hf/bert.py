"""BERT and ELECTRA: `BertFor…` and `ElectraFor…`, whose encoders have the same names."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

from pipeline.store.errors import SettingError
from trainer.hf.config import ACTIVATIONS, Config
from trainer.hf.format import Format, Named, SpecialTokens, stacked_weights, weights_of
from trainer.models.encoder import STD, Embeddings, Encoder
from trainer.models.heads import MaskedHead, PairHead, ReplacedHead
from trainer.models.parts import Parts
from trainer.settings.model import EncoderSettings, ModelSettings

INPUTS = ("input_ids", "token_type_ids", "attention_mask")


class BertFormat(Format):
    """`BertForPreTraining`, `BertForMaskedLM` and `BertModel`, by the heads that are there."""

    kind = "bert"
    families = ("bert",)
    prefix = "bert"
    heads = ("cls.",)
    inputs = INPUTS
    copies = MappingProxyType(
        {
            "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
            "cls.predictions.decoder.bias": "cls.predictions.bias",
        }
    )
    optional = ("cls.seq_relationship.weight", "cls.seq_relationship.bias")

    def architectures(self) -> tuple[str, ...]:
        """All three."""
        return "BertForPreTraining", "BertForMaskedLM", "BertModel"

    def architecture(self, parts: Parts[Encoder]) -> str:
        """By the heads."""
        if parts.masked is None:
            return "BertModel"
        return "BertForMaskedLM" if parts.pair is None else "BertForPreTraining"

    def settings(self, config: Config) -> ModelSettings:
        """Refuses decoders and relative positions."""
        return EncoderSettings.checked(encoder_values(config), "config.json")

    def config(self, parts: Parts[Encoder], special: SpecialTokens) -> dict[str, Any]:
        """Refuses shared layers and embeddings of another width."""
        if parts.model.settings.projects:
            raise SettingError(
                "Hugging Face's BERT has no embedding of another width",
                "Export an ELECTRA or ALBERT",
            )
        return encoder_config(self, parts, special)

    def build(self, settings: ModelSettings, names: set[str]) -> Parts[Encoder]:
        """With the heads whose weights are there."""
        assert isinstance(settings, EncoderSettings)
        masked = "cls.predictions.transform.dense.weight" in names
        pair = "bert.pooler.dense.weight" in names
        return Parts(
            self.kind,
            Encoder(settings),
            masked=MaskedHead(settings) if masked else None,
            pair=PairHead(settings) if pair else None,
        )

    def tensors(self, parts: Parts[Encoder]) -> Iterator[Named]:
        """All weights, padding rows of the vocabulary cut off."""
        yield from _encoder("bert", parts.model)
        if parts.pair is not None:
            yield from weights_of("bert.pooler.dense", parts.pair.pooler)
        if parts.masked is not None:
            yield from masked_head("cls.predictions.transform", "cls.predictions", parts)
        if parts.pair is not None:
            yield from weights_of("cls.seq_relationship", parts.pair.score)


class ElectraFormat(Format):
    """`ElectraForPreTraining` (the discriminator) and `ElectraForMaskedLM` (the generator)."""

    kind = "electra"
    families = ("electra",)
    prefix = "electra"
    heads = ("discriminator_", "generator_")
    inputs = INPUTS
    copies = MappingProxyType(
        {
            "generator_lm_head.weight": "electra.embeddings.word_embeddings.weight",
        }
    )

    def architectures(self) -> tuple[str, ...]:
        """Both, and the encoder alone."""
        return "ElectraForPreTraining", "ElectraForMaskedLM", "ElectraModel"

    def architecture(self, parts: Parts[Encoder]) -> str:
        """By the head."""
        if parts.replaced is not None:
            return "ElectraForPreTraining"
        return "ElectraModel" if parts.masked is None else "ElectraForMaskedLM"

    def settings(self, config: Config) -> ModelSettings:
        """Refuses decoders and relative positions."""
        values = encoder_values(config) | {"embedding": config.get("embedding_size", 128)}
        return EncoderSettings.checked(values, "config.json")

    def config(self, parts: Parts[Encoder], special: SpecialTokens) -> dict[str, Any]:
        """Refuses shared layers."""
        width = parts.model.settings.embedding_width
        return encoder_config(self, parts, special) | {"embedding_size": width}

    def build(self, settings: ModelSettings, names: set[str]) -> Parts[Encoder]:
        """With the head whose weights are there."""
        assert isinstance(settings, EncoderSettings)
        replaced = "discriminator_predictions.dense.weight" in names
        masked = "generator_predictions.dense.weight" in names
        return Parts(
            self.kind,
            Encoder(settings),
            masked=MaskedHead(settings) if masked else None,
            replaced=ReplacedHead(settings) if replaced else None,
        )

    def tensors(self, parts: Parts[Encoder]) -> Iterator[Named]:
        """All weights, padding rows of the vocabulary cut off."""
        yield from _encoder("electra", parts.model)
        if parts.model.project is not None:
            yield from weights_of("electra.embeddings_project", parts.model.project)
        if parts.replaced is not None:
            yield from weights_of("discriminator_predictions.dense", parts.replaced.dense)
            name = "discriminator_predictions.dense_prediction"
            yield from weights_of(name, parts.replaced.score)
        if parts.masked is not None:
            yield from masked_head("generator_predictions", "generator_lm_head", parts)


def encoder_values(config: Config) -> dict[str, Any]:
    """Our settings of what BERT's, ALBERT's and ELECTRA's configs have in common."""
    config.must("position_embedding_type", "absolute")
    config.must("is_decoder", False)
    config.must("add_cross_attention", False)
    config.must("tie_word_embeddings", True)
    config.must("pruned_heads", {})
    return {
        "kind": "encoder",
        "layers": config.layers("num_hidden_layers"),
        "width": config.need("hidden_size"),
        "heads": config.need("num_attention_heads"),
        "inner": config.need("intermediate_size"),
        "context": config.need("max_position_embeddings"),
        "vocab": config.need("vocab_size"),
        "types": config.get("type_vocab_size", 2),
        "dropout": config.get("hidden_dropout_prob", 0.1),
        "attention_dropout": config.get("attention_probs_dropout_prob", 0.1),
        "eps": config.get("layer_norm_eps", 1e-12),
        "activation": config.activation("hidden_act", "gelu"),
    }


def encoder_config(format: Format, parts: Parts[Encoder], special: SpecialTokens) -> dict[str, Any]:
    """What BERT's, ALBERT's and ELECTRA's configs have in common.

    Refuses what `check_classic` does, and an encoder without segments.
    """
    settings = parts.model.settings
    check_classic(format, settings)
    if not settings.types:
        raise SettingError(
            f"Hugging Face's {format.kind} has no model.types = 0",
            "Train with model.types = 2; without segments it is a DistilBERT",
        )
    return {
        "architectures": [format.architecture(parts)],
        "attention_probs_dropout_prob": settings.attention_drop,
        "dtype": "float32",
        "hidden_act": ACTIVATIONS[settings.activation],
        "hidden_dropout_prob": settings.dropout,
        "hidden_size": settings.width,
        "initializer_range": STD,
        "intermediate_size": settings.inner_width,
        "layer_norm_eps": settings.eps,
        "max_position_embeddings": settings.context,
        "model_type": format.kind,
        "num_attention_heads": settings.heads,
        "num_hidden_layers": settings.layers,
        "pad_token_id": 0 if special.pad is None else special.pad,
        "tie_word_embeddings": True,
        "type_vocab_size": settings.types,
        "vocab_size": settings.vocab,
    }


def check_classic(format: Format, settings: EncoderSettings) -> None:
    """Raises SettingError for what only ModernBERT has, and for layers that share their weights."""
    classic = EncoderSettings(kind="encoder")
    for name in ("norm", "norm_first", "positions", "gated", "bias", "attention", "qk_norm"):
        if getattr(settings, name) != getattr(classic, name):
            raise SettingError(
                f"Hugging Face's {format.kind} has no model.{name} = {getattr(settings, name)!r}",
                "Exported are the settings of the bundled recipes",
            )
    shared = settings.group_count != settings.layers or settings.inner_layers > 1
    if shared and not format.shares_layers:
        raise SettingError(
            f"Hugging Face's {format.kind} has no shared layers",
            "Only an ALBERT of this shape can be exported",
        )


def masked_head(transform: str, predictions: str, parts: Parts[Encoder]) -> Iterator[Named]:
    """The head over the vocabulary; its product is the token embedding."""
    head = parts.masked
    assert head is not None
    yield from weights_of(f"{transform}.dense", head.dense)
    yield from weights_of(f"{transform}.LayerNorm", head.norm)
    yield f"{predictions}.bias", head.bias.detach()[: head.vocab]


def embedding_weights(prefix: str, embeddings: Embeddings, vocab: int) -> Iterator[Named]:
    """The embedding that BERT's relatives have; DistilBERT's is without types of segment."""
    yield f"{prefix}.word_embeddings.weight", embeddings.tokens.weight.detach()[:vocab]
    assert embeddings.positions is not None
    yield from weights_of(f"{prefix}.position_embeddings", embeddings.positions)
    if embeddings.types is not None:
        yield from weights_of(f"{prefix}.token_type_embeddings", embeddings.types)
    yield from weights_of(f"{prefix}.LayerNorm", embeddings.norm)


def _encoder(prefix: str, model: Encoder) -> Iterator[Named]:
    yield from embedding_weights(f"{prefix}.embeddings", model.embeddings, model.settings.vocab)
    for number, block in enumerate(model.layers()):
        layer, attention = f"{prefix}.encoder.layer.{number}", block.attention
        names = [f"{layer}.attention.self.{one}" for one in ("query", "key", "value")]
        yield from stacked_weights(names, attention.qkv, attention.stacked["qkv.weight"])
        yield from weights_of(f"{layer}.attention.output.dense", attention.out)
        yield from weights_of(f"{layer}.attention.output.LayerNorm", block.norm_1)
        yield from weights_of(f"{layer}.intermediate.dense", block.up)
        yield from weights_of(f"{layer}.output.dense", block.down)
        yield from weights_of(f"{layer}.output.LayerNorm", block.norm_2)
