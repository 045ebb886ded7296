"""A classifier on a pre-trained encoder, and the learning rate of each of its layers."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor, nn

from trainer.models.encoder import STD, Encoder
from trainer.models.noise import truncated_normal
from trainer.models.parts import Parts

#: Before the last layer (google-research/bert, albert and electra: 0.1).
_DROPOUT = 0.1


class Classifier(nn.Module):
    """The state of [CLS] -> labels.

    BERT and ALBERT pass it through the tanh layer they were pre-trained with; ELECTRA's
    release takes it as it is (`finetune/classification/classification_tasks.py`).
    """

    def __init__(self, parts: Parts[Encoder], labels: int, seed: int) -> None:
        super().__init__()
        self.model = parts.model
        self.pooler = parts.pair.pooler if parts.pair is not None else None
        self.dropout = nn.Dropout(_DROPOUT)
        self.score = nn.Linear(parts.model.settings.width, labels)
        truncated_normal(self.score.weight, STD, torch.Generator().manual_seed(seed))
        nn.init.zeros_(self.score.bias)

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> Tensor:
        """Ids, types, mask (batch, positions) -> logits (batch, labels)."""
        state = self.model(ids, types, self.model.layout(mask))[:, 0]
        if self.pooler is not None:
            state = torch.tanh(self.pooler(state))
        logits: Tensor = self.score(self.dropout(state))
        return logits


def layer_groups(
    model: Classifier, lr: float, layer_decay: float, weight_decay: float
) -> list[dict[str, Any]]:
    """One group for each depth and kind, its rate `layer_decay` times that of the one above.

    The head has the full rate and the top layer one decay less.  (google-research/electra
    gives the top layer two, see its issue 51.)  Shared layers are of the depth of the topmost
    use, and so all at one rate.
    """
    settings = model.model.settings
    top = len(model.model.blocks)
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        block = re.match(r"model\.blocks\.(\d+)\.", name)
        if block:
            group = int(block[1]) // settings.inner_layers
            depth = top // settings.inner_layers - group
        elif name.startswith("model."):
            depth = top // settings.inner_layers + 1
        else:
            depth = 0
        groups.setdefault((depth, parameter.dim() >= 2), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": lr * layer_decay**depth,
            "peak": lr * layer_decay**depth,
            "weight_decay": weight_decay if matrix else 0.0,
        }
        for (depth, matrix), parameters in sorted(groups.items(), key=lambda one: one[0])
    ]
