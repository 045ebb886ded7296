"""Masked tokens alone: RoBERTa (Liu et al. 2019), ModernBERT (Warner et al. 2024).

BERT and ALBERT ask about their segments as well: `trainer.objectives.bert` adds that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from trainer.data.seeds import seed_for
from trainer.models.encoder import Encoder
from trainer.models.heads import MaskedHead, init_encoder_weights
from trainer.objectives.base import Batch, Filled, Objective, Terms
from trainer.objectives.encoding import (
    encoder_settings,
    frequency_loss,
    hidden_targets,
    layout_of,
    masked_batch,
    masked_loss,
    masker_of,
)
from trainer.objectives.masked import Masker
from trainer.settings.model import EncoderSettings
from trainer.settings.recipe import RunRecipe


class MaskedOnly(Objective):
    """Cross-entropy of the masked tokens, the head run at their places alone."""

    model_kind = "encoder"
    title, pipeline_tag = "A masked language model", "fill-mask"
    usual_vocab = 50_368  # ModernBERT's

    def __init__(self, settings: EncoderSettings, masker: Masker, loss_chunk: int = 0) -> None:
        super().__init__()
        self.weights = {"mlm": 1.0}
        self.model = Encoder(settings)
        self.masked = MaskedHead(settings)
        self.masker = masker
        self.loss_chunk = loss_chunk

    @classmethod
    def from_recipe(
        cls, recipe: RunRecipe, end_token: int | None, tokenizer: Tokenizer | None = None
    ) -> Self:
        """The encoder by `[model]`, masks by `[mask]`."""
        settings = encoder_settings(recipe)
        objective = cls(settings, masker_of(recipe, tokenizer), recipe.train.loss_chunk)
        objective.model.recompute = recipe.train.recompute
        objective.model.dropout_seed = seed_for(recipe.train.seed, "dropout")
        return objective

    def init_weights(self, seed: int) -> None:
        """Fills the weights of encoder and heads."""
        init_encoder_weights(self, seed)

    def prepare(self, samples: Tensor, filled: Filled | None = None) -> Batch:
        """Rows of a `PairStream` -> masked inputs, targets and labels."""
        return masked_batch(samples, self.masker, self.model, filled)

    def counts(self, batch: Batch) -> Terms:
        """Masked tokens."""
        return {"mlm": batch["used"].sum()}

    def forward(self, batch: Batch) -> Terms:
        """Summed losses, in nats."""
        return self.losses(self.states(batch), batch)

    def states(self, batch: Batch) -> Tensor:
        """The encoder's final states at the masked places (batch, most, width)."""
        return self.states_at(batch["places"], batch)

    def states_at(self, places: Tensor | None, batch: Batch) -> Tensor:
        """Final states at places (batch, n), or all: (batch, n or positions, width)."""
        hidden: Tensor = self.model(
            batch["inputs"], batch["types"], layout_of(batch), batch["samples"], places
        )
        return hidden

    def losses(self, states: Tensor, batch: Batch) -> Terms:
        """The summed loss of each term, of what `states` gives."""
        embeddings = self.model.embeddings
        return {"mlm": masked_loss(self.masked, embeddings, states, batch, self.loss_chunk)}

    def tallies(self, batch: Batch) -> Terms:
        """Right answers, and what they were about."""
        return self.answers(self.states(batch), batch)

    def answers(self, states: Tensor, batch: Batch) -> Terms:
        """Right masked tokens, how many were asked, and which."""
        logits = self.masked(states, self.model.embeddings)
        right = (logits.argmax(-1) == batch["targets"]) & batch["used"]
        return {
            "masked": torch.stack([right.sum(), batch["used"].sum()]).double(),
            "hidden": hidden_targets(batch, self.masker.vocabulary.size),
        }

    def summary(self, tallies: Mapping[str, Tensor]) -> dict[str, float]:
        """Accuracy; `mlm_base` is `frequency_loss`."""
        right, masked = tallies["masked"].tolist()
        return {
            "mlm_base": frequency_loss(tallies["hidden"], masked),
            "mlm_accuracy": right / max(masked, 1),
        }

    def flops_per_token(self) -> float:
        """Forward and backward (twice the forward): encoder, and the head on masked tokens."""
        settings = self.model.settings
        weights = settings.embedding_width * (settings.width + self.masked.bias.numel())
        share = self.masker.most / settings.context
        return 3.0 * (self.model.flops() + 2.0 * weights * share)

    def targets_per_sample(self) -> int:
        """The masked tokens."""
        return self.masker.most

    def shards(self) -> list[nn.Module]:
        """The blocks."""
        return list(self.model.blocks)
