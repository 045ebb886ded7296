"""Causal self-attention: dense, banded, inside documents, and with a cache for generation."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass
class Cache:
    """Keys and values of the positions seen so far, for one layer each.

    Each entry is (batch, heads, positions, head width); `length` counts the positions.
    """

    keys: list[Tensor] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)

    @property
    def length(self) -> int:
        """Positions held."""
        return self.keys[0].shape[2] if self.keys else 0

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Appends new positions of a layer; returns all of its keys and values."""
        if layer == len(self.keys):
            self.keys.append(key)
            self.values.append(value)
        else:
            self.keys[layer] = torch.cat([self.keys[layer], key], dim=2)
            self.values[layer] = torch.cat([self.values[layer], value], dim=2)
        return self.keys[layer], self.values[layer]


def visible(
    queries: int, keys: int, band: int | None, documents: Tensor | None, device: torch.device
) -> Tensor:
    """Which keys each query sees: True of shape (queries, keys), or (batch, 1, queries, keys).

    The last query stands at the last key.  `band` keeps only the last `band` positions,
    its own included; `documents` (batch, keys) numbers the document of each position,
    and no position sees another document.
    """
    key = torch.arange(keys, device=device)
    query = torch.arange(keys - queries, keys, device=device)[:, None]
    seen = key <= query
    if band is not None:
        seen = seen & (key > query - band)
    if documents is None:
        return seen
    same = documents[:, -queries:, None] == documents[:, None, :]
    return (seen & same)[:, None]


class SelfAttention(nn.Module):
    """Multi-head causal self-attention as GPT-2's: one projection in, one out, with biases."""

    def __init__(self, width: int, heads: int, dropout: float, band: int | None) -> None:
        super().__init__()
        self.heads = heads
        self.band = band
        self.dropout = dropout
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self,
        x: Tensor,
        documents: Tensor | None = None,
        cache: Cache | None = None,
        layer: int = 0,
    ) -> Tensor:
        """(batch, positions, width) -> the same shape."""
        batch, positions, width = x.shape
        shape = (batch, positions, self.heads, width // self.heads)
        query, key, value = (
            part.view(shape).transpose(1, 2) for part in self.qkv(x).split(width, dim=2)
        )
        if cache is not None:
            key, value = cache.extend(layer, key, value)
        # Without a mask the fused causal kernels apply; a lone query sees all there is.
        banded = self.band is not None and key.shape[2] > self.band
        masked = banded or documents is not None or 1 < positions < key.shape[2]
        mask = None
        if masked:
            band = self.band if banded else None
            mask = visible(positions, key.shape[2], band, documents, x.device)
        y = functional.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=mask,
            is_causal=not masked and positions > 1,
            dropout_p=self.dropout if self.training else 0.0,
        )
        projected: Tensor = self.out(y.transpose(1, 2).reshape(batch, positions, width))
        return projected
