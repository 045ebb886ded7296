"""What a student's layers are told by its teacher's: TinyBERT (Jiao et al. 2020, section 3).

Squared errors of embeddings, of hidden states behind a learned projection, and of the scores of
attention before softmax (equations 7 to 9), each a sum over what is real.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from pipeline.store.errors import SettingError
from trainer.models.encoder import Observed
from trainer.models.layout import BatchLayout

#: "each" state has its own projection (paper); all have one, "shared" (release's `fit_dense`);
#: "none" for a student as wide as its teacher.
ProjectionKind = Literal["each", "shared", "none"]


class Projections(nn.Module):
    """From the student's width to its teacher's: of the embedding and of each layer."""

    def __init__(self, kind: ProjectionKind, layers: int, width: int, wanted: int) -> None:
        super().__init__()
        count = {"each": layers + 1, "shared": 1, "none": 0}[kind]
        self.linear = nn.ModuleList(nn.Linear(width, wanted) for _ in range(count))

    def forward(self, states: Sequence[Tensor]) -> list[Tensor]:
        """States (vectors, width), the embedding's first -> (vectors, teacher's width)."""
        count = len(self.linear)
        if not count:
            return list(states)
        return [self.linear[number % count](x) for number, x in enumerate(states)]


def layers_apart(teacher: int, student: int) -> int:
    """How many of the teacher's layers stand for one of the student's: g(m) = m N / M.

    Raises SettingError where they do not divide.
    """
    if teacher % student:
        raise SettingError(
            f"model.layers = {student} does not divide the teacher's {teacher}",
            f"Set model.layers to a divisor of {teacher}",
        )
    return teacher // student


def layer_losses(
    student: Observed, teacher: Observed, projections: Projections, layout: BatchLayout
) -> dict[str, Tensor]:
    """Summed squared errors: `embedding`, `hidden` over real tokens, `attention` over real pairs.

    Each is the mean over a vector's numbers, or a pair's heads; `hidden` and `attention` add up the
    layers.  Raises SettingError where the heads are not as many.  The release sets masked scores to
    0 in both models and counts them as equal; here only pairs of two real tokens are counted.
    """
    apart = layers_apart(len(teacher.scores), len(student.scores))
    real = layout.pick(layout.mask)
    states = projections(student.states)
    wanted = teacher.states[::apart]
    errors = [_squared(s, t).mean(-1) for s, t in zip(states, wanted, strict=True)]
    pairs = layout.mask[:, :, None] & layout.mask[:, None, :]
    scores = zip(student.scores, teacher.scores[apart - 1 :: apart], strict=True)
    attention = [(_squared(s, t).mean(1) * pairs).sum() for s, t in scores]
    sums = [(error * real).sum() for error in errors]
    return {"embedding": sums[0], "hidden": _total(sums[1:]), "attention": _total(attention)}


def layer_counts(mask: Tensor) -> dict[str, Tensor]:
    """What the terms of `layer_losses` are means over; mask (batch, positions)."""
    tokens = mask.sum(1)
    real = tokens.sum()
    return {"embedding": real, "hidden": real, "attention": tokens.square().sum()}


def check_heads(student: int, teacher: int) -> None:
    """Raises SettingError where scores of attention cannot be compared."""
    if student != teacher:
        raise SettingError(
            f"model.heads = {student}, the teacher's {teacher}: their scores of attention are not "
            "comparable",
            f"Set model.heads={teacher}",
        )


def _squared(mine: Tensor, theirs: Tensor) -> Tensor:
    return (mine.float() - theirs.float()).square()


def _total(sums: Sequence[Tensor]) -> Tensor:
    return sum(sums[1:], start=sums[0])
