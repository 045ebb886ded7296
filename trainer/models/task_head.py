"""The head that an encoder is fine-tuned with: for classes, numbers, choices or spans."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.models.encoder import STD
from trainer.models.layers import activate, make_norm
from trainer.models.noise import truncated_normal
from trainer.settings.model import EncoderSettings

#: What is scored: the state of [CLS], that of each choice, or each position as a start and an end.
Use = Literal["sequence", "choice", "span"]
#: Before the last layer (google-research/bert, albert and electra: 0.1).
_DROPOUT = 0.1


class TaskHead(nn.Module):
    """States -> scores, as the class of transformers that `kind` and `use` name has it.

    A layer stands between the state of [CLS] and its score: BERT's and ALBERT's tanh layer,
    ELECTRA's GELU layer, ModernBERT's with a norm, which it has for spans too.
    `labels` names the classes; a sequence without any is scored as one number.
    """

    def __init__(
        self, settings: EncoderSettings, kind: str, use: Use, labels: tuple[str, ...] = ()
    ) -> None:
        super().__init__()
        self.kind, self.use, self.labels = kind, use, labels
        self.activation, width = settings.activation, settings.width
        modern = kind == "modernbert"
        between = use != "span" or modern
        self.dense = nn.Linear(width, width, bias=settings.bias) if between else None
        self.norm = make_norm(settings, width) if modern else None
        self.dropout = nn.Dropout(_DROPOUT)
        outputs = {"sequence": max(len(labels), 1), "choice": 1, "span": 2}[use]
        self.score = nn.Linear(width, outputs)

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
        if self.kind in ("bert", "albert"):
            return torch.tanh(x)
        if self.kind == "electra":  # whatever the encoder's own activation is
            return functional.gelu(x)
        activated = activate(x, self.activation)
        return activated if self.norm is None else self.norm(activated)
