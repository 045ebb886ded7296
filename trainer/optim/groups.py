"""Which parameters weight decay applies to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn


def decay_groups(named: Mapping[str, nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """Two groups: matrices and embeddings decay; biases and layer norms do not.

    That is nanoGPT's and llm.c's rule by dimension; GPT-3's paper says 0.1 and not of what.
    """
    decayed = [p for p in named.values() if p.dim() >= 2]
    others = [p for p in named.values() if p.dim() < 2]
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


def trust_groups(named: Mapping[str, nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """LAMB's groups: what decays takes a trust ratio as well, the rest neither.

    google-research/albert leaves out `LayerNorm|layer_norm|bias`, which are all that has one
    dimension.  Joint projections of query, key and value have a ratio for each third.
    """
    joint = [p for n, p in named.items() if p.dim() >= 2 and n.endswith("qkv.weight")]
    single = [p for n, p in named.items() if p.dim() >= 2 and not n.endswith("qkv.weight")]
    rest = [p for p in named.values() if p.dim() < 2]
    groups = [
        {"params": single, "weight_decay": weight_decay, "adapt": True},
        {"params": joint, "weight_decay": weight_decay, "adapt": True, "slices": 3},
        {"params": rest, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
