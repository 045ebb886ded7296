"""`AlbertForPreTraining`, `AlbertForMaskedLM` and `AlbertModel`."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

from pipeline.store.errors import SettingError
from trainer.hf.bert import INPUTS, embedding_weights, encoder_config, encoder_values, masked_head
from trainer.hf.config import Config
from trainer.hf.format import Format, Named, SpecialTokens, stacked_weights, weights_of
from trainer.models.encoder import Encoder
from trainer.models.heads import MaskedHead, PairHead
from trainer.models.parts import Parts
from trainer.settings.model import EncoderSettings, ModelSettings


class AlbertFormat(Format):
    """ALBERT; layers that share their weights are there once."""

    kind = "albert"
    families = ("albert",)
    prefix = "albert"
    heads = ("predictions.", "sop_classifier.")
    inputs = INPUTS
    copies = MappingProxyType(
        {
            "predictions.decoder.weight": "albert.embeddings.word_embeddings.weight",
            "predictions.decoder.bias": "predictions.bias",
        }
    )
    optional = ("sop_classifier.classifier.weight", "sop_classifier.classifier.bias")
    shares_layers = True

    def architectures(self) -> tuple[str, ...]:
        """All three."""
        return "AlbertForPreTraining", "AlbertForMaskedLM", "AlbertModel"

    def architecture(self, parts: Parts[Encoder]) -> str:
        """By the heads."""
        if parts.masked is None:
            return "AlbertModel"
        return "AlbertForMaskedLM" if parts.pair is None else "AlbertForPreTraining"

    def settings(self, config: Config) -> ModelSettings:
        """Refuses what older configs could ask for and no released one does."""
        for name, value in (("net_structure_type", 0), ("gap_size", 0), ("num_memory_blocks", 0)):
            config.must(name, value)
        config.must("down_scale_factor", 1)
        values = encoder_values(config) | {
            "embedding": config.get("embedding_size", 128),
            "groups": config.get("num_hidden_groups", 1),
            "inner_layers": config.get("inner_group_num", 1),
            "project": "always",
        }
        return EncoderSettings.checked(values, "config.json")

    def config(self, parts: Parts[Encoder], special: SpecialTokens) -> dict[str, Any]:
        """Refuses an ALBERT without a layer between embedding and width."""
        settings = parts.model.settings
        if not settings.projects:
            raise SettingError(
                "Hugging Face's ALBERT always has a layer from the embedding to the width",
                'Train with model.project = "always"',
            )
        return encoder_config(self, parts, special) | {
            "bos_token_id": 2 if special.first is None else special.first,
            "classifier_dropout_prob": 0.1,
            "embedding_size": settings.embedding_width,
            "eos_token_id": 3 if special.last is None else special.last,
            "inner_group_num": settings.inner_layers,
            "num_hidden_groups": settings.group_count,
        }

    def build(self, settings: ModelSettings, names: set[str]) -> Parts[Encoder]:
        """With the heads whose weights are there."""
        assert isinstance(settings, EncoderSettings)
        masked, pair = "predictions.dense.weight" in names, "albert.pooler.weight" in names
        return Parts(
            self.kind,
            Encoder(settings),
            masked=MaskedHead(settings) if masked else None,
            pair=PairHead(settings) if pair else None,
        )

    def tensors(self, parts: Parts[Encoder]) -> Iterator[Named]:
        """All weights, padding rows of the vocabulary cut off."""
        model, inner = parts.model, parts.model.settings.inner_layers
        yield from embedding_weights("albert.embeddings", model.embeddings, model.settings.vocab)
        assert model.project is not None
        yield from weights_of("albert.encoder.embedding_hidden_mapping_in", model.project)
        for number, block in enumerate(model.layers()):
            group, place = divmod(number, inner)
            layer = f"albert.encoder.albert_layer_groups.{group}.albert_layers.{place}"
            attention = block.attention
            yield from weights_of(f"{layer}.full_layer_layer_norm", block.norm_2)
            names = [f"{layer}.attention.{one}" for one in ("query", "key", "value")]
            yield from stacked_weights(names, attention.qkv, attention.stacked["qkv.weight"])
            yield from weights_of(f"{layer}.attention.dense", attention.out)
            yield from weights_of(f"{layer}.attention.LayerNorm", block.norm_1)
            yield from weights_of(f"{layer}.ffn", block.up)
            yield from weights_of(f"{layer}.ffn_output", block.down)
        if parts.pair is not None:
            yield from weights_of("albert.pooler", parts.pair.pooler)
        if parts.masked is not None:
            yield from masked_head("predictions", "predictions", parts)
        if parts.pair is not None:
            yield from weights_of("sop_classifier.classifier", parts.pair.score)
