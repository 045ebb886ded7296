"""Attention: who sees whom, with a cache for generation, and with dropout that is keyed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

from trainer.models.dropout import attention_keys, dropped

#: Which keys each query sees: all up to its own (None), or what a mask lets through.
Mask = Tensor | BlockMask | None
#: What computes attention under a mask: SDPA with a boolean mask, or FlexAttention.
Kernel = Literal["sdpa", "flex"]
#: Of a model's dropouts, that of the probabilities.
_SITE = 15


@cache
def _compiled_flex() -> Callable[..., Any]:
    """FlexAttention compiled alone, for where the model around it is not compiled.

    (A hook of FSDP beside recomputation; uncompiled it would hold all scores.)  Made at its
    first use, since PyTorch's compiler takes two seconds to import.
    """
    return torch.compile(flex_attention)


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


def blocks(
    positions: int, band: int | None, documents: Tensor | None, device: torch.device
) -> BlockMask:
    """The mask of `visible` for FlexAttention, which leaves out the blocks that see nothing."""

    def seen(row: Tensor, _: Tensor, query: Tensor, key: Tensor) -> Tensor:
        kept = key <= query
        if band is not None:
            kept = kept & (key > query - band)
        if documents is not None:
            kept = kept & (documents[row, query] == documents[row, key])
        return kept

    batch = None if documents is None else documents.shape[0]
    return create_block_mask(seen, batch, None, positions, positions, device=device)


def mask_of(
    queries: int,
    keys: int,
    band: int | None,
    documents: Tensor | None,
    device: torch.device,
    kernel: Kernel,
) -> Mask:
    """The mask of queries that stand at the last of the keys; made once for all layers.

    None without documents or a band that bites, for there the fused causal kernels apply.
    "flex" is for a compiled model: where it is used as it is (evaluation, generation), and for
    keys of a cache, it is "sdpa".
    """
    if band is not None and keys <= band:
        band = None
    if band is None and documents is None and queries in (keys, 1):
        return None
    if kernel == "flex" and queries == keys and torch.compiler.is_compiling():
        return blocks(queries, band, documents, device)
    return visible(queries, keys, band, documents, device)


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Mask,
    causal: bool,
    rate: float = 0.0,
    keys: Tensor | None = None,
    layer: int = 0,
) -> Tensor:
    """Attention of (batch, heads, positions, head width); keys may have fewer heads than queries.

    `causal` counts where there is no mask.  `rate` drops probabilities, keyed by `keys` (batch,
    positions): all of them are made then, since no fused kernel knows such keys.
    """
    if rate and keys is not None:
        assert not isinstance(mask, BlockMask)  # `train.attention_kernel = "flex"` has no dropout
        if mask is None and causal:
            mask = visible(query.shape[2], key.shape[2], None, None, query.device)
        scores, value = _scores(query, key, value)
        return _weighted(scores, value, mask, rate, keys, layer)
    shared = query.shape[1] != key.shape[1]
    if isinstance(mask, BlockMask):
        flex: Callable[..., Any] = flex_attention
        if not torch.compiler.is_compiling():
            flex = _compiled_flex()
        states = flex(query, key, value, block_mask=mask, enable_gqa=shared)
        assert isinstance(states, Tensor)
        return states
    return functional.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask,
        is_causal=causal and mask is None and query.shape[2] > 1,  # a lone query sees all there is
        enable_gqa=shared,
    )


def attend_with_scores(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    rate: float = 0.0,
    keys: Tensor | None = None,
    layer: int = 0,
) -> tuple[Tensor, Tensor]:
    """What `attend` makes under a mask, and the scores (batch, heads, queries, keys) behind it.

    Scores are those before mask and softmax, which no fused kernel gives away.
    """
    scores, value = _scores(query, key, value)
    return _weighted(scores, value, mask, rate, keys, layer), scores


def _scores(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Scores, and the value with as many heads as the query."""
    times = query.shape[1] // key.shape[1]
    if times > 1:
        key, value = (x.repeat_interleave(times, dim=1) for x in (key, value))
    return (query * query.shape[-1] ** -0.5) @ key.mT, value


def _weighted(
    scores: Tensor,
    value: Tensor,
    mask: Tensor | None,
    rate: float,
    keys: Tensor | None,
    layer: int,
) -> Tensor:
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    shares = scores.softmax(dim=-1, dtype=torch.float32).to(value.dtype)
    if rate and keys is not None:
        shares = dropped(shares, rate, attention_keys(keys, scores.shape[1]), 16 * layer + _SITE)
    return shares @ value
