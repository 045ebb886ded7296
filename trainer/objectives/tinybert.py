"""TinyBERT's general stage: a student's layers learn what its teacher's do, without masks.

Jiao et al. 2020, section 3.2, and huawei-noah/Pretrained-Language-Model `general_distill.py`: no
masked tokens, no head.  The task's stage is `webtext distil`.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field
from tokenizers import Tokenizer
from torch import Tensor, nn

from pipeline.store.errors import SettingError
from trainer.data.seeds import seed_for
from trainer.data.vocabulary import Vocabulary
from trainer.models.encoder import Encoder
from trainer.models.heads import init_encoder_weights
from trainer.models.parts import Parts
from trainer.objectives.base import Batch, Filled, Terms
from trainer.objectives.encoding import encoder_settings, layout_of, plain_batch
from trainer.objectives.layer_losses import (
    ProjectionKind,
    Projections,
    check_heads,
    layer_counts,
    layer_losses,
    layers_apart,
)
from trainer.objectives.teacher import Student, Teacher, TeacherSettings
from trainer.settings.model import EncoderSettings
from trainer.settings.recipe import RunRecipe


class TinyBertSettings(TeacherSettings):
    """`[tinybert]`: the teacher, and what of it is learned."""

    teacher_width: int = Field(768, ge=1)
    """Width of the teacher, which the projections lead to (BERT base: 768)."""
    projections: ProjectionKind = "each"
    """`each` state has its own (paper), one is `shared` by all (release), or `none`, for a student
    as wide as its teacher."""
    embedding: float = Field(1.0, ge=0)
    """Weight of the embedding's error."""
    hidden: float = Field(1.0, ge=0)
    """Weight of the hidden states' errors."""
    attention: float = Field(1.0, ge=0)
    """Weight of the errors of the scores of attention."""


class TinyBert(Student):
    """A student, whose layers' projections go when it is trained."""

    model_kind = "encoder"
    title = "A TinyBERT"
    settings = TinyBertSettings
    has_perplexity = False

    def __init__(self, settings: EncoderSettings, own: TinyBertSettings, pad: int) -> None:
        super().__init__()
        if own.projections == "none" and settings.width != own.teacher_width:
            raise SettingError(
                f"model.width = {settings.width}, and tinybert.teacher_width = {own.teacher_width}",
                'Set tinybert.projections to "each" or "shared"',
            )
        self.weights = {
            "embedding": own.embedding, "hidden": own.hidden, "attention": own.attention,
        }  # fmt: skip
        self.model = Encoder(settings)
        self.projections = Projections(
            own.projections, settings.layers, settings.width, own.teacher_width
        )
        self.pad, self.teacher_width = pad, own.teacher_width

    @classmethod
    def from_recipe(
        cls, recipe: RunRecipe, end_token: int | None, tokenizer: Tokenizer | None = None
    ) -> Self:
        """The student by `[model]`; its teacher comes by `learn_from`."""
        if tokenizer is None:
            raise SettingError(
                "objective = tinybert needs the shards' tokenizer",
                "Give the tokenizer that is beside them",
            )
        pad = Vocabulary.of(tokenizer).pad
        objective = cls(encoder_settings(recipe), recipe.own(TinyBertSettings), pad)
        objective.model.recompute = recipe.train.recompute
        objective.model.dropout_seed = seed_for(recipe.train.seed, "dropout")
        return objective

    @classmethod
    def teacher_of(cls, recipe: RunRecipe) -> str | None:
        """By `[tinybert]`."""
        return recipe.own(TinyBertSettings).teacher

    def learn_from(self, teacher: Parts[Encoder]) -> None:
        """Raises SettingError for other heads, or layers that do not divide."""
        self.teacher = Teacher(teacher)
        mine, theirs = self.model.settings, self.teacher.settings
        self.teacher.check_student(mine, ())
        check_heads(mine.heads, theirs.heads)
        layers_apart(theirs.layers, mine.layers)
        if theirs.width != self.teacher_width:
            raise SettingError(
                f"The teacher is {theirs.width} wide",
                f"Set tinybert.teacher_width={theirs.width}",
            )

    def init_weights(self, seed: int) -> None:
        """Fills the weights of student and projections."""
        init_encoder_weights(self, seed)

    def prepare(self, samples: Tensor, filled: Filled | None = None) -> Batch:
        """Rows of a `PairStream` -> samples as they are."""
        self.teacher_to(samples.device)
        return plain_batch(samples, self.pad, self.model, filled)

    def counts(self, batch: Batch) -> Terms:
        """Real tokens, and pairs of them."""
        return layer_counts(batch["mask"])

    def forward(self, batch: Batch) -> Terms:
        """Summed squared errors."""
        assert self.teacher is not None
        layout = layout_of(batch)
        read = batch["ids"], batch["types"], layout
        student = self.model.observe(*read, batch["samples"])
        return layer_losses(student, self.teacher.observe(*read), self.projections, layout)

    def flops_per_token(self) -> float:
        """The student's and projections' forward and backward, the teacher's forward."""
        settings = self.model.settings
        projected = 2.0 * (settings.layers + 1) * settings.width * self.teacher_width
        teacher = 0.0 if self.teacher is None else self.teacher.parts.model.flops()
        return 3.0 * (self.model.flops() + projected * bool(self.projections.linear)) + teacher

    def targets_per_sample(self) -> int:
        """No logits."""
        return 0

    def shards(self) -> list[nn.Module]:
        """The blocks."""
        return list(self.model.blocks)
