"""BERT and ALBERT: masked tokens, and one question about the two segments.

BERT asks whether the second segment follows the first or is from elsewhere (Devlin et al. 2018,
section 3.1), ALBERT whether the two were swapped (Lan et al. 2019, section 3.1).  The rest is one:
both losses are added with equal weight (google-research/bert and albert, `run_pretraining.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.data.segments import NextSentence, SentenceOrder
from trainer.models.encoder import Encoder
from trainer.models.heads import PairHead
from trainer.models.parts import Parts
from trainer.objectives.base import Batch, Terms
from trainer.objectives.encoding import pair_loss
from trainer.objectives.intervals import wilson
from trainer.objectives.masked import Masker
from trainer.objectives.masked_only import MaskedOnly
from trainer.settings.model import EncoderSettings


class MaskedPairs(MaskedOnly):
    """Masked language model and a label of the pair.  `question` names the second term."""

    usual_vocab = 30_522
    samples_version = 2
    question: ClassVar[str]
    #: The class of Hugging Face's that it is exported as.
    exported_as: ClassVar[str]

    def __init__(self, settings: EncoderSettings, masker: Masker, loss_chunk: int = 0) -> None:
        super().__init__(settings, masker, loss_chunk)
        self.weights = {"mlm": 1.0, self.question: 1.0}
        self.pair = PairHead(settings)

    def counts(self, batch: Batch) -> Terms:
        """Masked tokens, and samples with a label."""
        return super().counts(batch) | {self.question: (batch["labels"] >= 0).sum()}

    def states(self, batch: Batch) -> Tensor:
        """Final states at [CLS], then at the masked places (batch, 1 + most, width)."""
        return self.states_at(functional.pad(batch["places"], (1, 0)), batch)

    def losses(self, states: Tensor, batch: Batch) -> Terms:
        """Both summed losses, in nats."""
        pair = pair_loss(self.pair(states), batch["labels"])
        return super().losses(states[:, 1:], batch) | {self.question: pair}

    def answers(self, states: Tensor, batch: Batch) -> Terms:
        """Right answers about masked tokens and about the pair."""
        labelled = batch["labels"] >= 0
        right = (self.pair(states).argmax(-1) == batch["labels"]) & labelled
        pairs = torch.stack([right.sum(), labelled.sum()]).double()
        return super().answers(states[:, 1:], batch) | {"pairs": pairs}

    def summary(self, tallies: Mapping[str, Tensor]) -> dict[str, float]:
        """Accuracies, that of the pairs with its 95 % bounds."""
        right, pairs = tallies["pairs"].tolist()
        low, high = wilson(right, pairs)
        name = self.question
        return super().summary(tallies) | {
            f"{name}_accuracy": right / max(pairs, 1),
            f"{name}_accuracy_low": low,
            f"{name}_accuracy_high": high,
        }

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
