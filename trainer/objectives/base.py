"""What the loop asks of an objective.

An objective is a module that holds the model, so that one wrapper (compile, DDP,
FSDP) covers everything that has weights.  Each loss term is a sum over targets;
how many targets there are follows from the batch alone, so the loop divides by
the count over all micro-batches and processes, and equal text gives equal loss
however it is split.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn

from trainer.settings.recipe import RunRecipe

#: Tensors on the device; the first dimension of each is the sequence, but for `index`.
Batch = Mapping[str, Tensor]
#: Entries that are not -1 of each row (sequences): an array, for the host knows them.
Filled = NDArray[np.int64]
#: One value for each loss term, a tensor of no dimension.
Terms = dict[str, Tensor]


class Objective(nn.Module, ABC):
    """A model with its loss."""

    #: Weight of each loss term in the sum that is minimised.
    weights: Mapping[str, float]

    @classmethod
    @abstractmethod
    def from_recipe(
        cls, recipe: RunRecipe, end_token: int | None, tokenizer: Tokenizer | None = None
    ) -> Self:
        """Builds it from the recipe, weights not initialised."""

    @abstractmethod
    def init_weights(self, seed: int) -> None:
        """Fills all weights from `seed`."""

    @abstractmethod
    def prepare(self, samples: Tensor, filled: Filled | None = None) -> Batch:
        """Rows of a stream (sequences, length + 1) on the device -> inputs and targets.

        Rows that hold only -1 pad the batch: they must give no target.  `filled` (sequences):
        how many entries of each are not -1; None has the device asked where it must be known.
        """

    @abstractmethod
    def counts(self, batch: Batch) -> Terms:
        """How many targets each term has in this batch; nothing is read back to the host."""

    @abstractmethod
    def forward(self, batch: Batch) -> Terms:
        """The sum over its targets of each term, in nats."""

    def tallies(self, batch: Batch) -> Terms:
        """Sums over a validation batch, of any shape, that `summary` makes figures of."""
        return {}

    def summary(self, tallies: Mapping[str, Tensor]) -> dict[str, float]:
        """Figures beside the loss, from the tallies of all batches and processes."""
        return {}

    @abstractmethod
    def flops_per_token(self) -> float:
        """Floating-point operations of one token, forward and backward."""

    @abstractmethod
    def shards(self) -> list[nn.Module]:
        """The modules that FSDP gathers one at a time."""
