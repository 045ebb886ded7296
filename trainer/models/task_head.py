"""The head that an encoder is fine-tuned with: for classes, numbers, choices or spans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.store.errors import SettingError
from trainer.models.encoder import STD
from trainer.models.layers import activate, make_norm
from trainer.models.linear import Linear
from trainer.models.noise import truncated_normal
from trainer.settings.model import EncoderSettings

#: What is scored: the state of [CLS], that of each choice, or each position as a start and an end.
Use = Literal["sequence", "choice", "span"]
#: Before the last layer (google-research/bert, albert and electra: 0.1).
TASK_DROPOUT = 0.1


@dataclass(frozen=True)
class HeadStyle:
    """The layer between the state of [CLS] and its score, as the release of a kind has it."""

    #: None: the activation of the encoder itself.
    activation: Callable[[Tensor], Tensor] | None = None
    #: Behind it stands a norm, and spans have the layer too.
    norm: bool = False
    #: The head of pre-training whose layer stands in the same place, and begins it.
    pretrained: Literal["pair", "masked"] | None = None
    #: Before the last layer, but of spans.
    dropout: float = TASK_DROPOUT


#: By the kind of `Parts`.  ELECTRA's GELU is exact, whatever the encoder's own activation is.
STYLES = {
    "bert": HeadStyle(torch.tanh, pretrained="pair"),
    "albert": HeadStyle(torch.tanh, pretrained="pair"),
    "electra": HeadStyle(functional.gelu),
    "distilbert": HeadStyle(functional.relu, dropout=0.2),  # its `seq_classif_dropout`
    "modernbert": HeadStyle(norm=True, pretrained="masked"),
}


class TaskHead(nn.Module):
    """States -> scores, as the class of transformers that `kind` and `use` name has it.

    `labels` names the classes; a sequence without any is scored as one number.
    """

    def __init__(
        self, settings: EncoderSettings, kind: str, use: Use, labels: tuple[str, ...] = ()
    ) -> None:
        """Raises SettingError for a kind of encoder that no such head is known of."""
        super().__init__()
        if kind not in STYLES:
            raise SettingError(
                f"No head for tasks is known of an encoder of kind {kind}",
                f"Known: {', '.join(STYLES)}",
            )
        self.style, self.use, self.labels = STYLES[kind], use, labels
        self.activation, width = settings.activation, settings.width
        between = use != "span" or self.style.norm
        self.dense = Linear(width, width, bias=settings.bias) if between else None
        self.norm = make_norm(settings, width) if self.style.norm else None
        self.dropout = nn.Dropout(TASK_DROPOUT if use == "span" else self.style.dropout)
        outputs = {"sequence": max(len(labels), 1), "choice": 1, "span": 2}[use]
        self.score = Linear(width, outputs)

    def init_weights(self, seed: int) -> None:
        """Fills all weights from `seed`: truncated normal 0.02, biases 0."""
        generator = torch.Generator().manual_seed(seed)
        for layer in (self.dense, self.score):
            if layer is not None:
                truncated_normal(layer.weight, STD, generator)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, states: Tensor) -> Tensor:
        """(batch, positions, width) -> fp32 scores (batch, outputs).

        Of spans (batch, positions, 2).
        """
        x = states if self.use == "span" else states[:, 0]
        if self.dense is not None:
            x = self._between(self.dense(x))
        scores: Tensor = self.score(self.dropout(x))
        return scores.float()

    def _between(self, x: Tensor) -> Tensor:
        own = self.style.activation
        activated = activate(x, self.activation) if own is None else own(x)
        return activated if self.norm is None else self.norm(activated)
