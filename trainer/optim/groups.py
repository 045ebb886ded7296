"""Which parameters weight decay applies to, and which hold several matrices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn


def trained(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters by name, without those that are frozen."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


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


def stacked_rows(model: nn.Module) -> dict[str, tuple[int, ...]]:
    """Of each parameter that holds several matrices one below the other: how many rows each has.

    A module says so by `stacked`, rows by the name of its parameter: a joint projection of query,
    key and value is three matrices.
    """
    stacked: dict[str, tuple[int, ...]] = {}
    for name, module in model.named_modules():
        rows: Mapping[str, tuple[int, ...]] = getattr(module, "stacked", {})
        stacked |= {f"{name}.{parameter}".lstrip("."): rows[parameter] for parameter in rows}
    return stacked
