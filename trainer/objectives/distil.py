"""DistilBERT: masked tokens, and what a teacher makes of the same text (Sanh et al. 2019).

The three losses of the paper's section 3.  Their weights 5, 2 and 1, temperature, smoothed masks
and fixed positions are those of the release (huggingface/transformers,
`research_projects/distillation`: README and `distiller.py`); the paper gives none.
"""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from pipeline.store.errors import SettingError
from trainer.models.encoder import Encoder
from trainer.models.parts import Parts
from trainer.objectives.base import Batch, Filled, Terms
from trainer.objectives.encoding import at_places, layout_of
from trainer.objectives.masked_only import MaskedOnly
from trainer.objectives.soft_targets import direction_loss, soft_target_loss
from trainer.objectives.teacher import Student, Teacher, TeacherSettings, copy_layers, even_layers
from trainer.settings.recipe import RunRecipe


class DistilSettings(TeacherSettings):
    """`[distil]`: the teacher, what is asked of it, and how the student begins."""

    masked: float = Field(2.0, ge=0)
    """Weight of the masked tokens' loss (release: 2)."""
    soft: float = Field(5.0, ge=0)
    """Weight of the teacher's probabilities (release: 5); 0 leaves them out."""
    cosine: float = Field(1.0, ge=0)
    """Weight of the direction of the final states (release: 1); 0 leaves it out."""
    temperature: float = Field(2.0, gt=0)
    """Of both softmaxes of the soft targets (release: 2)."""
    soft_at: Literal["all", "masked"] = "all"
    """Where the teacher's probabilities are asked: at each token (the release as it was run), or at
    masked ones (its `restrict_ce_to_mask`)."""
    start: Literal["teacher", "random"] = "teacher"
    """What the student begins as: layers of its teacher, or random weights."""
    layers: tuple[int, ...] = ()
    """The teacher's layers it begins with, counted from 0; empty: spread evenly, which of 12 are
    the release's 0, 2, 4, 7, 9 and 11."""
    freeze_positions: bool = True
    """Whether the teacher's embedding of positions stays as it is (release: `freeze_pos_embs`)."""
    smoothing: float = Field(0.7, ge=0)
    """A token is masked with a chance by its frequency to the power of minus this (release: 0.7);
    0: all alike."""


class Distil(Student, MaskedOnly):
    """A student of a teacher's; without segments it is a DistilBERT."""

    title = "A DistilBERT"
    settings = DistilSettings
    usual_vocab = 30_522

    distil: DistilSettings

    @classmethod
    def from_recipe(
        cls, recipe: RunRecipe, end_token: int | None, tokenizer: Tokenizer | None = None
    ) -> Self:
        """The student by `[model]`; its teacher comes by `learn_from`."""
        objective = super().from_recipe(recipe, end_token, tokenizer)
        own = objective.distil = recipe.own(DistilSettings)
        # Masked tokens first: perplexity is theirs.
        weights = {"mlm": own.masked, "soft": own.soft, "cosine": own.cosine}
        objective.weights = {n: w for n, w in weights.items() if w or n == "mlm"}
        objective.wants_counts = own.smoothing > 0
        positions = objective.model.embeddings.positions
        if own.freeze_positions and own.start == "teacher" and positions is not None:
            positions.requires_grad_(False)
        return objective

    @classmethod
    def teacher_of(cls, recipe: RunRecipe) -> str | None:
        """By `[distil]`; None where nothing is asked of one."""
        own = recipe.own(DistilSettings)
        needed = own.soft or own.cosine or own.start == "teacher"
        return own.teacher if needed else None

    def learn_from(self, teacher: Parts[Encoder]) -> None:
        """Raises SettingError for a teacher of another vocabulary or width, or without a head."""
        self.teacher = Teacher(teacher)
        same = ("width",) if self.distil.cosine or self.distil.start == "teacher" else ()
        shape = ("heads", "inner_width", "embedding_width", "activation")
        starts = shape if self.distil.start == "teacher" else ()
        self.teacher.check_student(self.model.settings, (*same, *starts))
        if teacher.masked is None and self.distil.soft:
            raise SettingError(
                "The teacher has no head for masked tokens, and distil.soft asks for it",
                "Take another teacher, or set distil.soft=0",
            )

    def know_counts(self, counts: NDArray[np.int64]) -> None:
        """Masks by the frequency of tokens, counted in the training text."""
        self.masker.weigh(counts, self.distil.smoothing)

    def init_weights(self, seed: int) -> None:
        """From `seed`, then from the teacher's layers."""
        super().init_weights(seed)
        if self.teacher is not None and self.distil.start == "teacher":
            depths = self.teacher.settings.layers, self.model.settings.layers
            student = Parts("student", self.model, masked=self.masked)
            copy_layers(self.teacher.parts, student, self.distil.layers or even_layers(*depths))

    def prepare(self, samples: Tensor, filled: Filled | None = None) -> Batch:
        """Rows of a `PairStream` -> masked inputs and targets."""
        self.teacher_to(samples.device)
        return super().prepare(samples, filled)

    def counts(self, batch: Batch) -> Terms:
        """Masked tokens; and all real ones, [CLS] and [SEP] among them."""
        masked, real = batch["used"].sum(), batch["mask"].sum()
        soft = real if self.distil.soft_at == "all" else masked
        found = {"mlm": masked, "soft": soft, "cosine": real}
        return {name: found[name] for name in self.weights}

    def states(self, batch: Batch) -> Tensor:
        """The encoder's final states (batch, positions, width)."""
        return self.states_at(None, batch)

    def answers(self, states: Tensor, batch: Batch) -> Terms:
        """Right masked tokens."""
        return super().answers(at_places(states, batch["places"]), batch)

    def losses(self, states: Tensor, batch: Batch) -> Terms:
        """The summed loss of each term, of final states (batch, positions, width)."""
        terms = super().losses(at_places(states, batch["places"]), batch)
        if len(self.weights) == 1:
            return terms
        assert self.teacher is not None
        layout = layout_of(batch)
        wanted = self.teacher.states(batch["inputs"], batch["types"], layout)
        student, teacher, real = (layout.pick(x) for x in (states, wanted, batch["mask"]))
        if "cosine" in self.weights:
            terms["cosine"] = direction_loss(student, teacher, real)
        if "soft" in self.weights:
            if self.distil.soft_at == "masked":
                student, teacher = (
                    at_places(x, batch["places"]).flatten(0, 1) for x in (states, wanted)
                )
                real = batch["used"].flatten()
            terms["soft"] = self._soft(student, teacher, real)
        return terms

    def _soft(self, student: Tensor, teacher: Tensor, counted: Tensor) -> Tensor:
        """The soft targets' loss; `train.loss_chunk` rows of both logits are alive at a time."""
        chunk = self.loss_chunk
        if not chunk or len(student) <= chunk:
            return self._soft_of(student, teacher, counted)
        pieces = zip(*(x.split(chunk) for x in (student, teacher, counted)), strict=True)
        sums = [checkpoint(self._soft_of, *piece, use_reentrant=False) for piece in pieces]
        return torch.stack(sums).sum()

    def _soft_of(self, student: Tensor, teacher: Tensor, counted: Tensor) -> Tensor:
        assert self.teacher is not None
        vocab = self.masked.vocab  # the rows that fill up the embedding are no tokens
        logits = self.masked(student, self.model.embeddings)[:, :vocab]
        wanted = self.teacher.logits(teacher)[:, :vocab]
        return soft_target_loss(logits, wanted, counted, self.distil.temperature)

    def flops_per_token(self) -> float:
        """The student's forward and backward, the teacher's forward, and both heads."""
        total = super().flops_per_token()
        if self.teacher is None or len(self.weights) == 1:
            return total
        total += self.teacher.parts.model.flops()
        if "soft" in self.weights:
            share = self.targets_per_sample() / self.model.settings.context
            both = (3.0, self.model.settings), (1.0, self.teacher.settings)
            total += sum(
                passes * 2.0 * share * one.embedding_width * (one.width + one.vocab)
                for passes, one in both
            )
        return total

    def targets_per_sample(self) -> int:
        """Each token, where the teacher's probabilities of all are asked."""
        if "soft" in self.weights and self.distil.soft_at == "all":
            return self.model.settings.context
        return super().targets_per_sample()
