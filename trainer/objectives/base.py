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
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn

from trainer.data.pairs import PairStream
from trainer.data.samples import Samples
from trainer.data.segments import OneSegment, Segments
from trainer.data.shard_set import Shards
from trainer.data.stream import Stream
from trainer.models.parts import Parts, format_of
from trainer.settings.model import EncoderSettings
from trainer.settings.recipe import RunRecipe
from trainer.settings.registries import ObjectiveBase

#: Tensors on the device; the first dimension of each is the sequence, but for `index`.
Batch = Mapping[str, Tensor]
#: Entries that are not -1 of each row (sequences): an array, for the host knows them.
Filled = NDArray[np.int64]
#: One value for each loss term, a tensor of no dimension.
Terms = dict[str, Tensor]


class Objective(nn.Module, ObjectiveBase, ABC):
    """A model with its loss, and what others ask of it: samples, figures, card and exports.

    A subclass joins by an entry point of the group `webtext.objectives` (docs/extending.md).
    """

    #: Weight of each loss term in the sum that is minimised.
    weights: Mapping[str, float]
    #: What its model is called on its card, and its task among Hugging Face's pipelines.
    title: ClassVar[str] = "A model"
    pipeline_tag: ClassVar[str] = "feature-extraction"
    #: Tokens of the vocabulary where neither recipe nor shards say it.
    usual_vocab: ClassVar[int] = 30_522
    #: Whether the first term is the loss of each token of the text, so that it is bits of text too.
    of_all_tokens: ClassVar[bool] = False
    #: Whether the first term is in nats, so that it is a perplexity too.
    has_perplexity: ClassVar[bool] = True
    #: What an encoder's samples are made of.
    segments: ClassVar[type[Segments]] = OneSegment
    #: Whether it is told, before its first batch, how often each token stands in the text.
    wants_counts: bool = False
    #: Raised when the samples of a seed change: a run that was started before is not resumed.
    samples_version: ClassVar[int] = 1

    @classmethod
    @abstractmethod
    def from_recipe(
        cls, recipe: RunRecipe, end_token: int | None, tokenizer: Tokenizer | None = None
    ) -> Self:
        """Builds it from the recipe, weights not initialised.

        `end_token` is the tokenizer's token for the end of a document.
        """

    @classmethod
    def open_stream(cls, recipe: RunRecipe, shards: Shards, split: str) -> Samples:
        """The samples of a split; those of `train` are shuffled.

        A decoder reads windows of the text, an encoder what `segments` makes of documents' pieces.
        Raises WebtextError when the split has not one sample, SettingError when `[data]` does not
        fit the corpora.
        """
        if isinstance(recipe.model, EncoderSettings):
            return PairStream(shards, split, recipe, cls.segments)
        context, seed = recipe.model.context, recipe.data.seed
        return Stream(shards, split, context, seed, split == "train", recipe.data)

    @classmethod
    def teacher_of(cls, recipe: RunRecipe) -> str | None:
        """The run or folder of a model that it learns from; None where it learns from none."""
        return None

    def learn_from(self, teacher: Parts[Any]) -> None:
        """Takes the model that `teacher_of` names, before weights are filled; it is never trained.

        Raises SettingError where the teacher is not one for this student.
        """
        raise NotImplementedError(f"{type(self).__name__} learns from no teacher")

    def know_counts(self, counts: NDArray[np.int64]) -> None:
        """Takes the counts (vocabulary) of the tokens, where it `wants_counts`."""
        raise NotImplementedError(f"{type(self).__name__} wants no counts")

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

    def exports(self) -> dict[str, Parts[Any]]:
        """What is exported, by folder below the export; "" is the export itself.

        Here: `self.model`, with `self.masked` if there is such a head.
        """
        model: Any = getattr(self, "model", None)
        return {"": Parts(format_of(model.settings), model, masked=getattr(self, "masked", None))}

    def kept(self) -> list[nn.Module]:
        """The modules that are used after pre-training, which a model's size is counted by."""
        model: Any = getattr(self, "model", self)
        return [model]

    def frozen(self) -> list[nn.Module]:
        """The modules beside its own that are asked and never trained."""
        return []

    def targets_per_sample(self) -> int:
        """How many rows of logits a sample has at most; here one for each position."""
        settings: Any = getattr(self.model, "settings")  # noqa: B009
        return int(settings.context)
