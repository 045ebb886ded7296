"""A trained model as others know it: a body, the heads it has, and the class it is saved as."""

from __future__ import annotations

from typing import Generic, TypeVar

from torch import nn

from trainer.models.encoder import Encoder
from trainer.models.gpt import GPT
from trainer.models.heads import MaskedHead, PairHead, ReplacedHead
from trainer.models.task_head import TaskHead
from trainer.settings.model import EncoderSettings, ModelSettings

M = TypeVar("M", bound=GPT | Encoder)


class Parts(nn.Module, Generic[M]):
    """A body with its heads; those it has not are None.

    `kind` names the format it is written in (`trainer.hf.formats`).
    """

    def __init__(
        self,
        kind: str,
        model: M,
        masked: MaskedHead | None = None,
        pair: PairHead | None = None,
        replaced: ReplacedHead | None = None,
        task: TaskHead | None = None,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.model: M = model
        self.masked, self.pair, self.replaced, self.task = masked, pair, replaced, task


def format_of(settings: ModelSettings) -> str:
    """The format of a model whose objective names none: what its blocks are made of says it."""
    if isinstance(settings, EncoderSettings):
        if settings.norm_first:
            return "modernbert"
        return "bert" if settings.types else "distilbert"
    return "llama" if settings.positions == "rope" else "gpt2"
