"""A decoder of pre-norm blocks: GPT-2, GPT-3, and Llama- or Qwen-like ones, by settings alone.

Sources: Radford et al. 2019 and openai/gpt-2 `src/model.py` (block, tanh GELU, final norm,
tied head); Brown et al. 2020, section 2.1 (alternating dense and banded attention); Touvron et al.
2023 and Yang et al. 2025 (rotary positions, RMS norms, gated feed-forward layers, norms of query
and key, heads of keys shared).
Initialisation: N(0, 0.02), the two projections back into the residual stream scaled by
1/sqrt(2 * layers) (GPT-2 paper, section 2.3), positions N(0, 0.01) in OpenAI's code but
0.02 in Hugging Face's and nanoGPT's, which is used here.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from trainer.models.attention import Cache, Kernel, Mask, attend, mask_of
from trainer.models.dropout import Dropout, dropout_keys
from trainer.models.layers import (
    HeadProjections,
    Rotation,
    fed_forward,
    feed_forward,
    make_norm,
    rotation_of,
)
from trainer.models.linear import Linear
from trainer.settings.model import ModelSettings

_STD = 0.02


class SelfAttention(HeadProjections):
    """Multi-head causal self-attention."""

    def forward(
        self,
        x: Tensor,
        mask: Mask,
        rotation: Rotation | None,
        keys: Tensor | None,
        cache: Cache | None,
        layer: int,
    ) -> Tensor:
        """(batch, positions, width) -> the same shape."""
        batch, positions, _ = x.shape
        query, key, value = self.split(self.qkv(x), rotation)
        if cache is not None:
            key, value = cache.extend(layer, key, value)
        y = attend(query, key, value, mask, True, self.current_rate, keys, layer)
        projected: Tensor = self.out(y.transpose(1, 2).reshape(batch, positions, -1))
        return projected


class DecoderBlock(nn.Module):
    """Attention and a feed-forward layer, each behind a norm and added to what it reads."""

    def __init__(self, settings: ModelSettings, layer: int) -> None:
        super().__init__()
        self.layer, self.banded = layer, settings.banded(layer)
        self.norm_1 = make_norm(settings, settings.width)
        self.attention = SelfAttention(settings)
        self.norm_2 = make_norm(settings, settings.width)
        self.settings = settings
        self.up, self.down, rows = feed_forward(settings)
        #: Rows of the matrices in a parameter (`trainer.optim.groups`).
        self.stacked = {"up.weight": rows}
        self.dropout_1 = Dropout(settings.dropout, site=1)
        self.dropout_2 = Dropout(settings.dropout, site=2)

    def forward(
        self,
        x: Tensor,
        mask: Mask,
        rotation: Rotation | None,
        keys: Tensor | None,
        cache: Cache | None,
    ) -> Tensor:
        """(batch, positions, width) -> the same shape."""
        attended = self.attention(self.norm_1(x), mask, rotation, keys, cache, self.layer)
        x = x + self.dropout_1(attended, keys, self.layer)
        fed = self.down(fed_forward(self.up(self.norm_2(x)), self.settings))
        result: Tensor = x + self.dropout_2(fed, keys, self.layer)
        return result


class GPT(nn.Module):
    """The decoder.  `settings.vocab` must be known (not 0).

    `head` is the token embedding or, not tied, weights of its own, of `settings.rows` rows; whoever
    makes logits masks those of rows from `vocab` on.  With `recompute` set, the backward
    pass computes each block again instead of keeping what is inside.  `kernel` is
    what computes attention under a mask.  `dropout_seed` keys dropout.
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings
        self.vocab = settings.vocab
        self.tokens = nn.Embedding(settings.rows, settings.width)
        learned = settings.positions == "learned"
        self.positions = nn.Embedding(settings.context, settings.width) if learned else None
        self.dropout = Dropout(settings.dropout)
        self.recompute = False
        self.kernel: Kernel = "sdpa"
        self.dropout_seed = 0
        self.blocks = nn.ModuleList(DecoderBlock(settings, n) for n in range(settings.layers))
        self.norm = make_norm(settings, settings.width)
        self.output: Linear | None = None
        if not settings.tied:
            self.output = Linear(settings.width, settings.rows, bias=False)

    def init_weights(self, seed: int) -> None:
        """Fills all weights from `seed`, with the same numbers whatever the device."""
        generator = torch.Generator().manual_seed(seed)
        residual = _STD / math.sqrt(2 * self.settings.layers)
        for name, parameter in self.named_parameters():
            with torch.no_grad():
                if name.endswith("bias"):
                    parameter.zero_()
                elif "norm" in name:
                    parameter.fill_(1.0)
                else:
                    std = residual if name.endswith(("out.weight", "down.weight")) else _STD
                    drawn = torch.empty(parameter.shape).normal_(0.0, std, generator=generator)
                    parameter.copy_(drawn)

    def layers(self) -> list[DecoderBlock]:
        """The blocks, in their order."""
        return [block for block in self.blocks if isinstance(block, DecoderBlock)]

    @property
    def head(self) -> Tensor:
        """The output weights (rows, width)."""
        return self.tokens.weight if self.output is None else self.output.weight

    def forward(
        self,
        ids: Tensor,
        documents: Tensor | None = None,
        cache: Cache | None = None,
        samples: Tensor | None = None,
    ) -> Tensor:
        """Token ids (batch, positions) -> final hidden states (batch, positions, width).

        With a `cache` the ids continue what it holds, and it grows by them.  `samples`, their
        numbers in the run (batch), key dropout; without them there is none.
        """
        start = cache.length if cache is not None else 0
        stop = start + ids.shape[1]
        keys = self._keys(ids, samples)
        x = self.tokens(ids)
        position, rotation = torch.arange(start, stop, device=ids.device), None
        if self.positions is not None:
            x = x + self.positions(position)
        else:
            rotation = rotation_of(position, self.settings.each_head, self.settings.rope_theta)
        x = self.dropout(x, keys)
        dense, banded = self._masks(ids, stop, documents)
        for block in self.blocks:
            mask = banded if block.banded else dense
            if self.recompute and torch.is_grad_enabled():
                x = checkpoint(block, x, mask, rotation, keys, None, use_reentrant=False)
            else:
                x = block(x, mask, rotation, keys, cache)
        hidden: Tensor = self.norm(x)
        return hidden

    def _keys(self, ids: Tensor, samples: Tensor | None) -> Tensor | None:
        settings = self.settings
        if (
            not self.training
            or samples is None
            or not (settings.dropout or settings.attention_drop)
        ):
            return None
        return dropout_keys(samples, ids.shape[1], self.dropout_seed)

    def _masks(self, ids: Tensor, keys: int, documents: Tensor | None) -> tuple[Mask, Mask]:
        """What the dense and what the banded layers see."""
        settings, queries = self.settings, ids.shape[1]
        dense = mask_of(queries, keys, None, documents, ids.device, self.kernel)
        if settings.attention == "dense":
            return dense, dense
        return dense, mask_of(queries, keys, settings.band, documents, ids.device, self.kernel)

    def logits(self, hidden: Tensor) -> Tensor:
        """Hidden states (..., width) -> logits over the real vocabulary (..., vocab)."""
        return functional.linear(hidden, self.head)[..., : self.vocab]
