"""`DistilBertForMaskedLM` and `DistilBertModel`: BERT without segments and pooler.

Sanh et al. 2019, section 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

from pipeline.store.errors import SettingError
from trainer.hf.bert import check_classic, embedding_weights
from trainer.hf.config import ACTIVATIONS, Config
from trainer.hf.format import Format, Named, SpecialTokens, stacked_weights, weights_of
from trainer.models.encoder import STD, Encoder
from trainer.models.heads import MaskedHead
from trainer.models.parts import Parts
from trainer.models.task_head import STYLES, TASK_DROPOUT
from trainer.settings.model import EncoderSettings, ModelSettings

#: Of all norms; their class has no setting for it.
_EPS = 1e-12


class DistilBertFormat(Format):
    """DistilBERT, with the head over the vocabulary or without."""

    kind = "distilbert"
    families = ("distilbert",)
    prefix = "distilbert"
    heads = ("vocab_",)
    copies = MappingProxyType(
        {"vocab_projector.weight": "distilbert.embeddings.word_embeddings.weight"}
    )

    def architectures(self) -> tuple[str, ...]:
        """Both."""
        return "DistilBertForMaskedLM", "DistilBertModel"

    def architecture(self, parts: Parts[Encoder]) -> str:
        """By the head."""
        return "DistilBertModel" if parts.masked is None else "DistilBertForMaskedLM"

    def settings(self, config: Config) -> ModelSettings:
        """Positions that began as sinusoids are in the file like any others."""
        config.must("tie_word_embeddings", True)
        config.must("tie_weights_", True)
        config.must("pruned_heads", {})
        for name in ("sinusoidal_pos_embds", "qa_dropout", "seq_classif_dropout"):
            config.get(name)  # how the weights began, and dropout of heads
        values = {
            "kind": "encoder",
            "layers": config.layers("n_layers"),
            "width": config.need("dim"),
            "heads": config.need("n_heads"),
            "inner": config.need("hidden_dim"),
            "context": config.need("max_position_embeddings"),
            "vocab": config.need("vocab_size"),
            "types": 0,
            "dropout": config.get("dropout", 0.1),
            "attention_dropout": config.get("attention_dropout", 0.1),
            "eps": _EPS,
            "activation": config.activation("activation", "gelu"),
        }
        return EncoderSettings.checked(values, "config.json")

    def config(self, parts: Parts[Encoder], special: SpecialTokens) -> dict[str, Any]:
        """Refuses segments, embeddings of another width, and norms of another epsilon."""
        settings = parts.model.settings
        check_classic(self, settings)
        for name, unlike in (
            ("types", settings.types), ("embedding", settings.projects),
            ("eps", settings.eps != _EPS),
        ):  # fmt: skip
            if unlike:
                raise SettingError(
                    f"Hugging Face's distilbert has no model.{name} = {getattr(settings, name)}",
                    "Exported are the settings of the recipe `distilbert`",
                )
        return {
            "activation": ACTIVATIONS[settings.activation],
            "architectures": [self.architecture(parts)],
            "attention_dropout": settings.attention_drop,
            "dim": settings.width,
            "dropout": settings.dropout,
            "dtype": "float32",
            "hidden_dim": settings.inner_width,
            "initializer_range": STD,
            "max_position_embeddings": settings.context,
            "model_type": self.kind,
            "n_heads": settings.heads,
            "n_layers": settings.layers,
            "pad_token_id": 0 if special.pad is None else special.pad,
            "qa_dropout": TASK_DROPOUT,
            "seq_classif_dropout": STYLES[self.kind].dropout,
            "sinusoidal_pos_embds": False,
            "tie_word_embeddings": True,
            "vocab_size": settings.vocab,
        }

    def build(self, settings: ModelSettings, names: set[str]) -> Parts[Encoder]:
        """With the head if its weights are there."""
        assert isinstance(settings, EncoderSettings)
        masked = MaskedHead(settings) if "vocab_transform.weight" in names else None
        return Parts(self.kind, Encoder(settings), masked=masked)

    def tensors(self, parts: Parts[Encoder]) -> Iterator[Named]:
        """All weights, padding rows of the vocabulary cut off."""
        model, head = parts.model, parts.masked
        yield from embedding_weights(
            "distilbert.embeddings", model.embeddings, model.settings.vocab
        )
        for number, block in enumerate(model.layers()):
            layer, attention = f"distilbert.transformer.layer.{number}", block.attention
            names = [f"{layer}.attention.{one}_lin" for one in "qkv"]
            yield from stacked_weights(names, attention.qkv, attention.stacked["qkv.weight"])
            yield from weights_of(f"{layer}.attention.out_lin", attention.out)
            yield from weights_of(f"{layer}.sa_layer_norm", block.norm_1)
            yield from weights_of(f"{layer}.ffn.lin1", block.up)
            yield from weights_of(f"{layer}.ffn.lin2", block.down)
            yield from weights_of(f"{layer}.output_layer_norm", block.norm_2)
        if head is not None:
            yield from weights_of("vocab_transform", head.dense)
            yield from weights_of("vocab_layer_norm", head.norm)
            yield "vocab_projector.bias", head.bias.detach()[: head.vocab]
