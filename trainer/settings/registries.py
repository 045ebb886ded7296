"""What joins the trainer by entry points, ours and others' alike: objectives and optimizers.

Here is what a recipe must know of them, without torch.  What else they carry is in
`trainer.objectives.base` and `trainer.optim.base`; tasks are in `trainer.eval.task`.
"""

from __future__ import annotations

from typing import ClassVar

from pipeline.store.registry import Registry
from pipeline.store.settings import Settings


class Configured:
    """A class of a registry.  Its settings are a section of the recipe that has its name."""

    settings: ClassVar[type[Settings]] = Settings


class ObjectiveBase(Configured):
    """What is learned.  Its own settings are the section `[NAME]`."""

    #: The kind of `[model]` that it trains; empty for any.
    model_kind: ClassVar[str] = ""


class OptimizerBase(Configured):
    """How weights are changed.  Its own settings are the section `[optim.NAME]`."""


OBJECTIVES = Registry("webtext.objectives", ObjectiveBase, "objective")
OPTIMIZERS = Registry("webtext.optimizers", OptimizerBase, "optimizer")
