"""What decoders and encoders are both made of: norms, feed-forward layers, rotary positions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.models.linear import Linear
from trainer.settings.model import ModelSettings


def make_norm(settings: ModelSettings, width: int) -> nn.Module:
    """The kind of norm that `[model]` asks for."""
    if settings.norm == "rms":
        return nn.RMSNorm(width, eps=settings.eps)
    return nn.LayerNorm(width, eps=settings.eps, bias=settings.bias)


def activate(x: Tensor, activation: str) -> Tensor:
    """The activation that `[model]` names."""
    if activation == "relu2":
        return functional.relu(x).square()
    if activation == "silu":
        return functional.silu(x)
    return functional.gelu(x, approximate="tanh" if activation == "tanh" else "none")


def feed_forward(settings: ModelSettings) -> tuple[Linear, Linear, tuple[int, ...]]:
    """The way up, the way down, and the rows of the matrices in the first.

    Gated, two products come up: one is activated, and times the other.
    """
    inner = settings.inner_width
    rows = (inner, inner) if settings.gated else (inner,)
    up = Linear(settings.width, sum(rows), bias=settings.bias)
    return up, Linear(inner, settings.width, bias=settings.bias), rows


def fed_forward(hidden: Tensor, settings: ModelSettings) -> Tensor:
    """What comes up (..., rows) -> what goes down (..., inner)."""
    if settings.gated:
        hidden, gate = hidden.chunk(2, dim=-1)
        gated: Tensor = activate(hidden, settings.activation) * gate
        return gated
    return activate(hidden, settings.activation)


class HeadProjections(nn.Module):
    """Query, key and value of each head as one product, and the way out.

    Query and key are normed and turned where `[model]` says so; key and value may have fewer heads.
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.heads, self.kv_heads = settings.heads, settings.kv_head_count
        self.each = settings.each_head
        rows = tuple(n * self.each for n in (self.heads, self.kv_heads, self.kv_heads))
        self.qkv = Linear(settings.width, sum(rows), bias=settings.bias)
        self.out = Linear(self.heads * self.each, settings.width, bias=settings.bias)
        #: Rows of the matrices in a parameter (`trainer.optim.groups`).
        self.stacked = {"qkv.weight": rows}
        self.rate = settings.attention_drop
        self.norm_q = self.norm_k = None
        if settings.qk_norm:
            self.norm_q, self.norm_k = (make_norm(settings, self.each) for _ in range(2))

    @property
    def current_rate(self) -> float:
        """The dropout of attention, while it trains."""
        return self.rate if self.training else 0.0

    def split(self, qkv: Tensor, rotation: Rotation | None) -> tuple[Tensor, Tensor, Tensor]:
        """(batch, positions, rows) -> query, key, value (batch, heads, positions, head width)."""
        batch, positions, _ = qkv.shape
        heads = qkv.view(batch, positions, -1, self.each)
        # Split before they are turned: the gradients are put together in the order of `qkv`.
        parts = heads.split((self.heads, self.kv_heads, self.kv_heads), dim=2)
        query, key, value = (part.transpose(1, 2) for part in parts)
        if self.norm_q is not None and self.norm_k is not None:
            query, key = self.norm_q(query), self.norm_k(key)
        if rotation is not None:
            query, key = rotated(query, rotation), rotated(key, rotation)
        return query, key, value


#: Cosines and sines of each position's angles: both (positions, head width).
Rotation = tuple[Tensor, Tensor]


def rotation_of(positions: Tensor, width: int, theta: float) -> Rotation:
    """Angles of rotary positions (Su et al. 2021), for heads of `width`.

    Number n turns with n + width / 2, as in Llama and GPT-NeoX, not with its neighbour.
    """
    exponents = torch.arange(0, width, 2, device=positions.device, dtype=torch.float32) / width
    angles = positions[:, None].float() * (1.0 / theta**exponents)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos(), angles.sin()


def rotated(x: Tensor, rotation: Rotation) -> Tensor:
    """(…, positions, head width) turned by the angles of each position."""
    cosine, sine = rotation
    first, second = x.float().chunk(2, dim=-1)
    result: Tensor = x * cosine + torch.cat([-second, first], dim=-1) * sine
    return result.to(x.dtype)
