"""BERT and ALBERT: masked tokens, and one question about the two segments.

BERT asks whether the second segment follows the first or is from elsewhere (Devlin et al. 2018,
section 3.1), ALBERT whether the two were swapped (Lan et al. 2019, section 3.1).  The rest is one:
both losses are added with equal weight (google-research/bert and albert, `run_pretraining.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from pipeline.store.errors import SettingError
from trainer.data.seeds import seed_for
from trainer.data.segments import NextSentence, SentenceOrder
from trainer.data.vocabulary import Vocabulary
from trainer.models.encoder import Encoder
from trainer.models.heads import MaskedHead, PairHead, init_encoder_weights
from trainer.models.parts import Parts
from trainer.objectives.base import Batch, Filled, Objective, Terms
from trainer.objectives.encoding import (
    at_places,
    frequency_loss,
    hidden_targets,
    layout_of,
    masked_batch,
    masked_loss,
    pair_loss,
)
from trainer.objectives.intervals import wilson
from trainer.objectives.masked import Masker
from trainer.settings.model import EncoderSettings
from trainer.settings.recipe import RunRecipe


class MaskedPairs(Objective):
    """Masked language model and a label of the pair.  `question` names the second term."""

    model_kind = "encoder"
    pipeline_tag = "fill-mask"
    samples_version = 2
    question: ClassVar[str]
    #: The class of Hugging Face's that it is exported as.
    exported_as: ClassVar[str]

    def __init__(self, settings: EncoderSettings, masker: Masker, loss_chunk: int = 0) -> None:
        super().__init__()
        self.weights = {"mlm": 1.0, self.question: 1.0}
        self.model = Encoder(settings)
        self.masked = MaskedHead(settings)
        self.pair = PairHead(settings)
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
        """Masked tokens, and samples with a label."""
        return {"mlm": batch["used"].sum(), self.question: (batch["labels"] >= 0).sum()}

    def forward(self, batch: Batch) -> Terms:
        """Both summed losses, in nats."""
        hidden = self._hidden(batch)
        states = at_places(hidden, batch["places"])
        embeddings = self.model.embeddings
        return {
            "mlm": masked_loss(self.masked, embeddings, states, batch, self.loss_chunk),
            self.question: pair_loss(self.pair(hidden), batch["labels"]),
        }

    def tallies(self, batch: Batch) -> Terms:
        """Right answers about the pair, and right masked tokens."""
        hidden = self._hidden(batch)
        logits = self.masked(at_places(hidden, batch["places"]), self.model.embeddings)
        right = (logits.argmax(-1) == batch["targets"]) & batch["used"]
        answered = (self.pair(hidden).argmax(-1) == batch["labels"]) & (batch["labels"] >= 0)
        return {
            "right": torch.stack([right.sum(), answered.sum()]).double(),
            "asked": torch.stack([c.double() for c in self.counts(batch).values()]),
            "hidden": hidden_targets(batch, self.masker.vocabulary.size),
        }

    def summary(self, tallies: Mapping[str, Tensor]) -> dict[str, float]:
        """Accuracies, that of the pairs with its 95 % bounds; `mlm_base` is `frequency_loss`."""
        right, asked = tallies["right"].tolist(), tallies["asked"].tolist()
        low, high = wilson(right[1], asked[1])
        name = self.question
        return {
            "mlm_base": frequency_loss(tallies["hidden"], asked[0]),
            "mlm_accuracy": right[0] / max(asked[0], 1),
            f"{name}_accuracy": right[1] / max(asked[1], 1),
            f"{name}_accuracy_low": low,
            f"{name}_accuracy_high": high,
        }

    def _hidden(self, batch: Batch) -> Tensor:
        hidden: Tensor = self.model(
            batch["inputs"], batch["types"], layout_of(batch), batch["samples"]
        )
        return hidden

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

    def exports(self) -> dict[str, Parts[Encoder]]:
        """One model with both heads."""
        return {"": Parts(self.exported_as, self.model, masked=self.masked, pair=self.pair)}

    def kept(self) -> list[nn.Module]:
        """The encoder, and the layer on [CLS] that the papers count along."""
        return [self.model, self.pair.pooler]


class Bert(MaskedPairs):
    """Next sentence: label 1 where the second segment is from another document."""

    title, question, exported_as = "A BERT", "nsp", "bert"
    segments = NextSentence


class Albert(MaskedPairs):
    """Sentence order: label 1 where the two segments were swapped."""

    title, question, exported_as = "An ALBERT", "sop", "albert"
    usual_vocab = 30_000
    segments = SentenceOrder


def encoder_settings(recipe: RunRecipe) -> EncoderSettings:
    """The recipe's `[model]`; SettingError when it is no encoder."""
    if not isinstance(recipe.model, EncoderSettings):
        raise SettingError(f"objective = {recipe.objective} needs an encoder", "Set model.kind")
    return recipe.model


def masker_of(recipe: RunRecipe, tokenizer: Tokenizer | None) -> Masker:
    """The masks of a run; they follow from `data.seed` and the number of the sample."""
    if tokenizer is None:
        raise SettingError(
            f"objective = {recipe.objective} needs the shards' tokenizer",
            "Give the tokenizer that is beside them",
        )
    vocabulary = Vocabulary.of(tokenizer)
    return Masker(recipe.mask, vocabulary, recipe.model.context, recipe.data.seed)
