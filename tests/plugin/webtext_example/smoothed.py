"""An objective: masked tokens alone (Liu et al. 2019), each with a little of its chance spread."""

from __future__ import annotations

from typing import Self

from pydantic import Field
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from pipeline.store.settings import Settings
from trainer.models.encoder import Encoder
from trainer.models.heads import MaskedHead, init_encoder_weights
from trainer.objectives.base import Batch, Filled, Objective, Terms
from trainer.objectives.encoding import (
    at_places,
    encoder_settings,
    layout_of,
    masked_batch,
    masker_of,
)
from trainer.settings.recipe import RunRecipe


class SmoothedSettings(Settings):
    """`[smoothed]`."""

    spread: float = Field(0.1, ge=0, lt=1)
    """Share of a target's chance that all tokens get alike.  Source: Szegedy et al. 2015, arXiv
    1512.00567, section 7."""


class Smoothed(Objective):
    """An encoder on samples of one segment, as `segments` of the base class has them."""

    settings = SmoothedSettings
    model_kind = "encoder"
    title, pipeline_tag = "An encoder", "fill-mask"

    def __init__(self, recipe: RunRecipe, tokenizer: Tokenizer | None) -> None:
        super().__init__()
        self.weights = {"masked": 1.0}
        shape = encoder_settings(recipe)
        self.model, self.masked = Encoder(shape), MaskedHead(shape)
        self.masker = masker_of(recipe, tokenizer)
        self.spread = recipe.own(SmoothedSettings).spread

    @classmethod
    def from_recipe(
        cls, recipe: RunRecipe, end_token: int | None, tokenizer: Tokenizer | None = None
    ) -> Self:
        """The encoder by `[model]`, masks by `[mask]`."""
        return cls(recipe, tokenizer)

    def init_weights(self, seed: int) -> None:
        """Fills the weights of encoder and head."""
        init_encoder_weights(self, seed)

    def prepare(self, samples: Tensor, filled: Filled | None = None) -> Batch:
        """Masked inputs and their targets."""
        return masked_batch(samples, self.masker, self.model, filled)

    def counts(self, batch: Batch) -> Terms:
        """Masked tokens."""
        return {"masked": batch["used"].sum()}

    def forward(self, batch: Batch) -> Terms:
        """Their summed cross-entropy."""
        hidden = self.model(batch["inputs"], batch["types"], layout_of(batch), batch["samples"])
        states = at_places(hidden, batch["places"]).flatten(0, 1)
        logits = self.masked(states, self.model.embeddings)[:, : self.masked.vocab]
        targets, used = batch["targets"].flatten(), batch["used"].flatten()
        loss = functional.cross_entropy(
            logits, targets, reduction="none", label_smoothing=self.spread
        )
        return {"masked": (loss * used).sum()}

    def flops_per_token(self) -> float:
        """Forward, and twice as much backward."""
        return 3.0 * self.model.flops()

    def shards(self) -> list[nn.Module]:
        """The blocks."""
        return list(self.model.blocks)
