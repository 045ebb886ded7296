"""Predict the next token (GPT, GPT-2, GPT-3)."""

from __future__ import annotations

from typing import Self

from tokenizers import Tokenizer
from torch import Tensor, nn

from trainer.data.seeds import seed_for
from trainer.models.gpt import GPT
from trainer.objectives.base import Batch, Filled, Objective, Terms
from trainer.objectives.cross_entropy import IGNORED, cross_entropy_sum
from trainer.settings.recipe import RunRecipe


class Causal(Objective):
    """Cross-entropy of each token given those before it, summed over the batch."""

    model_kind = "gpt"
    title, pipeline_tag = "A GPT", "text-generation"
    usual_vocab = 50_257  # GPT-2's
    of_all_tokens = True

    def __init__(self, model: GPT, end_token: int | None = None, loss_chunk: int = 0) -> None:
        super().__init__()
        self.weights = {"loss": 1.0}
        self.model = model
        self.end_token = end_token
        self.loss_chunk = loss_chunk

    @classmethod
    def from_recipe(
        cls, recipe: RunRecipe, end_token: int | None, tokenizer: Tokenizer | None = None
    ) -> Self:
        """GPT by `[model]`; documents end at `end_token` where attention stays inside them."""
        inside = end_token if recipe.model.document_mask else None
        model = GPT(recipe.model)
        model.recompute = recipe.train.recompute
        model.kernel = recipe.train.attention_kernel
        model.dropout_seed = seed_for(recipe.train.seed, "dropout")
        return cls(model, inside, recipe.train.loss_chunk)

    def init_weights(self, seed: int) -> None:
        """Fills the model's weights."""
        self.model.init_weights(seed)

    def prepare(self, samples: Tensor, filled: Filled | None = None) -> Batch:
        """Inputs are all tokens but the last, targets all but the first."""
        inputs, targets = samples[:, :-1], samples[:, 1:]
        batch = {"inputs": inputs.clamp_min(0).long(), "targets": targets.long()}
        if self.end_token is not None:
            # A document's end token belongs to it; what follows is the next document.
            ends = (inputs == self.end_token).long()
            batch["documents"] = ends.cumsum(1) - ends
        return batch

    def counts(self, batch: Batch) -> Terms:
        """The number of targets."""
        return {"loss": (batch["targets"] != IGNORED).sum()}

    def forward(self, batch: Batch) -> Terms:
        """The summed negative log-likelihood of the targets, in nats."""
        hidden = self.model(batch["inputs"], batch.get("documents"), samples=batch.get("samples"))
        total = cross_entropy_sum(
            hidden.flatten(0, 1),
            self.model.head,
            batch["targets"].flatten(),
            self.model.vocab,
            self.loss_chunk,
        )
        return {"loss": total}

    def flops_per_token(self) -> float:
        """6 for each weight that multiplies, and attention's 12 * width for each key that is seen.

        Counted as PaLM's appendix B counts (the causal half is not taken off), so that
        MFU compares with what others publish; embeddings look up and do not multiply,
        the head does.
        """
        model, settings = self.model, self.model.settings
        matrices = sum(p.numel() for p in model.parameters() if p.dim() == 2)
        looked_up = 0 if settings.tied else model.tokens.weight.numel()
        if model.positions is not None:
            looked_up += model.positions.weight.numel()
        seen = [settings.band if settings.banded(n) else settings.context
                for n in range(settings.layers)]  # fmt: skip
        keys = sum(min(most, settings.context) for most in seen)
        attention = 12 * keys * settings.heads * settings.each_head
        return 6.0 * (matrices - looked_up) + attention

    def shards(self) -> list[nn.Module]:
        """The blocks."""
        return list(self.model.blocks)
