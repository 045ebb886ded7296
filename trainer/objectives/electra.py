"""ELECTRA: a small generator fills in masked tokens, the discriminator says which were replaced.

Clark et al. 2020, sections 2 and 3, and google-research/electra `run_pretraining.py`: the sum of
the generator's loss and 50 times the discriminator's, embeddings shared, no gradient through
the samples, a sample that is the original counts as original.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import torch
from pydantic import Field
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from pipeline.store.settings import Settings
from trainer.data.seeds import seed_for
from trainer.data.segments import HalfAndHalf
from trainer.models.encoder import Encoder
from trainer.models.heads import MaskedHead, ReplacedHead, init_encoder_weights
from trainer.models.noise import draw_numbers
from trainer.models.parts import Parts
from trainer.objectives.base import Batch, Filled, Objective, Terms
from trainer.objectives.cross_entropy import Draws
from trainer.objectives.encoding import (
    area_under_curve,
    encoder_settings,
    entropy_of_share,
    frequency_loss,
    hidden_targets,
    layout_of,
    masked_batch,
    masked_loss_and_tokens,
    masker_of,
    score_histograms,
)
from trainer.objectives.masked import Masker, scatter, scatter_as_released
from trainer.settings.model import EncoderSettings
from trainer.settings.recipe import RunRecipe

#: Width of an attention head in ELECTRA's generator.
_HEAD_WIDTH = 64


class ElectraSettings(Settings):
    """`[electra]`: the generator beside the discriminator."""

    generator: float = Field(0.25, gt=0, le=1)
    """Width of the generator as a share of the discriminator's (small and large 1/4, base 1/3)."""
    weight: float = Field(50.0, gt=0)
    """Weight of the discriminator's loss (paper, table 6: 50)."""
    temperature: float = Field(1.0, gt=0)
    """Temperature of the generator's samples."""


def generator_settings(settings: EncoderSettings, electra: ElectraSettings) -> EncoderSettings:
    """The generator's shape: narrower, as deep, with the discriminator's embedding."""
    width = round(settings.width * electra.generator)
    changed = {
        "width": width,
        "heads": max(1, width // _HEAD_WIDTH),
        "inner": 4 * width,
        "embedding": settings.embedding_width,
    }
    return EncoderSettings.checked(settings.model_dump() | changed, "[electra] generator")


class Electra(Objective):
    """Generator and discriminator over one embedding."""

    model_kind = "encoder"
    title = "An ELECTRA"
    settings = ElectraSettings
    segments = HalfAndHalf
    samples_version = 3

    def __init__(
        self,
        settings: EncoderSettings,
        electra: ElectraSettings,
        masker: Masker,
        seed: int,
        loss_chunk: int = 0,
    ) -> None:
        super().__init__()
        self.weights = {"mlm": 1.0, "rtd": electra.weight}
        small = generator_settings(settings, electra)
        self.model = Encoder(settings)
        self.replaced = ReplacedHead(settings)
        self.generator = Encoder(small, self.model.embeddings)
        self.masked = MaskedHead(small)
        self.masker, self.loss_chunk = masker, loss_chunk
        self.temperature = electra.temperature
        self._seed = seed_for(seed, "electra", "draw")

    @classmethod
    def from_recipe(
        cls, recipe: RunRecipe, end_token: int | None, tokenizer: Tokenizer | None = None
    ) -> Self:
        """The discriminator by `[model]`, the generator beside it by `[electra]`."""
        masker = masker_of(recipe, tokenizer)
        objective = cls(
            encoder_settings(recipe),
            recipe.own(ElectraSettings),
            masker,
            recipe.data.seed,
            recipe.train.loss_chunk,
        )
        objective.model.recompute = objective.generator.recompute = recipe.train.recompute
        objective.model.dropout_seed = seed_for(recipe.train.seed, "dropout")
        objective.generator.dropout_seed = seed_for(recipe.train.seed, "dropout", "generator")
        return objective

    def init_weights(self, seed: int) -> None:
        """Fills the weights of both towers and heads."""
        init_encoder_weights(self, seed)

    def prepare(self, samples: Tensor, filled: Filled | None = None) -> Batch:
        """Rows of a `PairStream` -> masked inputs and targets."""
        return masked_batch(samples, self.masker, self.model, filled)

    def counts(self, batch: Batch) -> Terms:
        """Masked tokens; and all real ones, [CLS] and [SEP] among them."""
        return {"mlm": batch["used"].sum(), "rtd": batch["mask"].sum()}

    def forward(self, batch: Batch) -> Terms:
        """Both summed losses, in nats."""
        mlm, filled = self._guessed(self._generated(batch), batch)
        logits, fake = self._judged(batch, filled)
        loss = functional.binary_cross_entropy_with_logits(logits, fake.float(), reduction="none")
        return {"mlm": mlm, "rtd": (loss * batch["mask"]).sum()}

    def _generated(self, batch: Batch) -> Tensor:
        """The generator's states at the masked places (batch, most, width)."""
        hidden: Tensor = self.generator(
            batch["inputs"], batch["types"], layout_of(batch), batch["samples"], batch["places"]
        )
        return hidden

    @torch.no_grad()
    def sample(self, states: Tensor, batch: Batch) -> Tensor:
        """The ids with a token drawn from the generator at each masked place."""
        return self._guessed(states, batch)[1]

    def _guessed(self, states: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The generator's loss, and the ids with a token of its own at each masked place."""
        places = batch["places"]
        released = self.masker.settings.mode == "release"
        if released:  # each of several draws of one position is one of its own
            places = torch.arange(places.shape[1], device=places.device).expand_as(places)
        numbers = draw_numbers(batch["samples"], places, self._seed).flatten()
        loss, tokens = masked_loss_and_tokens(
            self.masked,
            self.model.embeddings,
            states,
            batch,
            self.loss_chunk,
            Draws(numbers, self.temperature),
        )
        put = scatter_as_released if released else scatter
        return loss, put(batch["ids"], batch["places"], tokens.view(places.shape), batch["used"])

    def _judged(self, batch: Batch, filled: Tensor) -> tuple[Tensor, Tensor]:
        """The discriminator's logits, and which tokens differ from the original."""
        layout = layout_of(batch)
        vectors = self.model.vectors(filled, batch["types"], layout, batch["samples"])
        return layout.spread(self.replaced(vectors)), filled != batch["ids"]

    def text(self, batch: Batch) -> Tensor:
        """Which tokens are neither padding nor special, so that they may be replaced."""
        return batch["mask"] & ~self.masker.special(batch["ids"])

    def tallies(self, batch: Batch) -> Terms:
        """Histograms of the discriminator's scores of text, and the generator's right tokens."""
        states = self._generated(batch)
        filled = self.sample(states, batch)
        logits, fake = self._judged(batch, filled)
        right = self.masked(states, self.model.embeddings).argmax(-1) == batch["targets"]
        same = filled.gather(1, batch["places"]) == batch["targets"]
        used = batch["used"]
        return {
            "scores": score_histograms(logits, fake, self.text(batch)),
            "real": batch["mask"].sum(),
            "hidden": hidden_targets(batch, self.masker.vocabulary.size),
            "generator": torch.stack([(right & used).sum(), (same & used).sum(), used.sum()]),
        }

    def summary(self, tallies: Mapping[str, Tensor]) -> dict[str, float]:
        """Area under the ROC curve of replaced tokens; the generator's accuracy.

        Special tokens are never replaced, which is easily learned: the area is over all others, 0.5
        by chance, and `rtd_base` is the discriminator's loss, in nats, if it gave all others their
        share of replaced ones.  Late in ELECTRA's training about 75 % of the likeliest and
        60 % of the drawn tokens are the originals.
        """
        right, same, masked = tallies["generator"].tolist()
        scores = tallies["scores"].cpu()
        text = float(scores.sum() / tallies["real"].cpu().clamp_min(1))
        return {
            "rtd_auc": area_under_curve(scores),
            "rtd_base": text * entropy_of_share(scores),
            "mlm_base": frequency_loss(tallies["hidden"], masked),
            "mlm_accuracy": right / max(masked, 1),
            "generator_sampled_original": same / max(masked, 1),
        }

    def flops_per_token(self) -> float:
        """Forward and backward of both towers and the generator's head on masked tokens."""
        small = self.generator.settings
        share = self.masker.most / small.context
        weights = small.embedding_width * (small.width + self.masked.bias.numel())
        head = 2.0 * weights * share
        return 3.0 * (self.model.flops() + self.generator.flops() + head)

    def targets_per_sample(self) -> int:
        """The masked tokens."""
        return self.masker.most

    def shards(self) -> list[nn.Module]:
        """The blocks of both towers."""
        return [*self.model.blocks, *self.generator.blocks]

    def exports(self) -> dict[str, Parts[Encoder]]:
        """The discriminator, and the generator in a folder below with a copy of the embedding."""
        return {
            "": Parts("electra", self.model, replaced=self.replaced),
            "generator": Parts("electra", self.generator, masked=self.masked),
        }
