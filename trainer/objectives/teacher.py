"""A teacher: a model that is asked and never trained, and a student that begins as its copy.

It is no module of the objective's: so it is in no optimizer, checkpoint, DDP or FSDP, and each
process has all of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pipeline.store.errors import SettingError
from pipeline.store.settings import Settings
from trainer.models.encoder import Encoder, EncoderBlock, Observed
from trainer.models.heads import MaskedHead
from trainer.models.layout import BatchLayout
from trainer.models.parts import Parts
from trainer.objectives.base import Objective
from trainer.settings.model import EncoderSettings


class Teacher:
    """A frozen encoder in evaluation mode, whatever mode its student is in."""

    def __init__(self, parts: Parts[Encoder]) -> None:
        self.parts = parts.requires_grad_(False).eval()

    @property
    def settings(self) -> EncoderSettings:
        """Its shape."""
        return self.parts.model.settings

    def go_to(self, device: torch.device) -> None:
        """Moves it to where its student is asked."""
        if next(self.parts.parameters()).device != device:
            self.parts.to(device)

    @torch.no_grad()
    def states(self, ids: Tensor, types: Tensor, layout: BatchLayout) -> Tensor:
        """Final states (batch, positions, width); nothing is dropped."""
        states: Tensor = self.parts.model(ids, types, layout)
        return states

    @torch.no_grad()
    def observe(self, ids: Tensor, types: Tensor, layout: BatchLayout) -> Observed:
        """What is inside it while it reads; nothing is dropped."""
        return self.parts.model.observe(ids, types, layout)

    @torch.no_grad()
    def logits(self, states: Tensor) -> Tensor:
        """States (..., width) -> fp32 logits (..., padded vocabulary)."""
        assert self.parts.masked is not None
        logits: Tensor = self.parts.masked(states, self.parts.model.embeddings)
        return logits

    def check_student(self, student: EncoderSettings, alike: Sequence[str]) -> None:
        """Raises SettingError where the student reads other tokens, or more of them at a time.

        `alike` names settings in which both must be the same.
        """
        mine = self.settings
        for name in ("vocab", *alike):
            here, there = getattr(student, name), getattr(mine, name)
            if here != there:
                raise SettingError(
                    f"model.{name.removesuffix('_width')} is {here}, the teacher's {there}: "
                    "what is asked of it needs the same",
                    "Choose another teacher or student, or set the weight of such losses to 0",
                )
        if student.context > mine.context:
            raise SettingError(
                f"model.context = {student.context}, and the teacher reads {mine.context} tokens",
                f"Set model.context={mine.context} or less",
            )


class TeacherSettings(Settings):
    """What the settings of all that learn from a teacher begin with."""

    volatile = frozenset({"teacher"})

    teacher: str = ""
    """A run, or a folder in Hugging Face's format.  It may be moved: its weights must stay the
    same for a run that is resumed."""


class Student(Objective):
    """An objective with a teacher, which comes by `learn_from`."""

    teacher: Teacher | None = None

    def teacher_to(self, device: torch.device) -> None:
        """Moves the teacher, where there is one, to where the student is asked."""
        if self.teacher is not None:
            self.teacher.go_to(device)

    def frozen(self) -> list[nn.Module]:
        """The teacher."""
        return [] if self.teacher is None else [self.teacher.parts]


def even_layers(teacher: int, student: int) -> tuple[int, ...]:
    """The teacher's layers that a student begins with, spread from the first to the last.

    Of 12, six are 0, 2, 4, 7, 9 and 11: those of DistilBERT's release (`extract_distilbert.py`).
    """
    step = (teacher - 1) / max(student - 1, 1)
    return tuple(int(number * step + 0.5) for number in range(student))


@torch.no_grad()
def copy_layers(teacher: Parts[Encoder], student: Parts[Encoder], layers: Sequence[int]) -> None:
    """Fills a student's weights with those of its teacher: embeddings, layers, masked head.

    A student without segments gets the teacher's segment 0 in its positions, so that it reads what
    the teacher reads.  Raises SettingError for layers that are not there, or of another shape.
    """
    theirs, mine = list(teacher.model.run()), student.model.layers()
    wrong = [number for number in layers if not 0 <= number < len(theirs)]
    if wrong or len(layers) != len(mine):
        raise SettingError(
            f"distil.layers = {list(layers)}: the student has {len(mine)} layers, the teacher "
            f"{len(theirs)}, counted from 0",
            "Name one of the teacher's layers for each of the student's",
        )
    if student.model.settings.norm_first and layers[0] != 0:
        raise SettingError(
            f"distil.layers = {list(layers)}: where norms come first, layer 0 has one less",
            "Begin with layer 0",
        )
    _copy_around(teacher.model, student.model)
    for block, number in zip(mine, layers, strict=True):
        source = theirs[number]
        assert isinstance(source, EncoderBlock)
        _copy(source, block)
    if teacher.masked is not None and student.masked is not None:
        _copy_head(teacher.masked, student.masked)


def _copy_around(teacher: Encoder, student: Encoder) -> None:
    """What is no layer: embeddings, what follows them, and a norm at the end."""
    theirs, mine = teacher.embeddings, student.embeddings
    vocab, context = student.settings.vocab, student.settings.context
    mine.tokens.weight[:vocab] = theirs.tokens.weight[:vocab]
    if mine.positions is not None and theirs.positions is not None:
        mine.positions.weight.copy_(theirs.positions.weight[:context])
        if mine.types is None and theirs.types is not None:
            mine.positions.weight.add_(theirs.types.weight[0])
    if mine.types is not None and theirs.types is not None:
        mine.types.weight.copy_(theirs.types.weight[: student.settings.types])
    _copy(theirs.norm, mine.norm)
    for source, target in ((teacher.project, student.project), (teacher.norm, student.norm)):
        if source is not None and target is not None:
            _copy(source, target)


def _copy_head(teacher: MaskedHead, student: MaskedHead) -> None:
    _copy(teacher.dense, student.dense)
    _copy(teacher.norm, student.norm)
    student.bias[: student.vocab] = teacher.bias[: student.vocab]


def _copy(source: nn.Module, target: nn.Module) -> None:
    target.load_state_dict(source.state_dict())
