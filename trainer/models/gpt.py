"""GPT-2 as released, and GPT-3: a decoder of pre-norm blocks with learned positions and tied head.

Sources: Radford et al. 2019 and openai/gpt-2 `src/model.py` (block, tanh GELU, final norm,
tied head); Brown et al. 2020, section 2.1 (alternating dense and banded attention).
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

from trainer.models.attention import Cache, Kernel, Mask, SelfAttention, mask_of
from trainer.settings.recipe import ModelSettings

_STD = 0.02


class Block(nn.Module):
    """Attention and a four times wider feed-forward layer, each behind a layer norm."""

    def __init__(self, settings: ModelSettings, layer: int) -> None:
        super().__init__()
        width = settings.width
        self.sparse = settings.attention == "gpt3" and layer % 2 == 1
        self.layer = layer
        self.norm_1 = nn.LayerNorm(width, eps=1e-5)
        self.attention = SelfAttention(width, settings.heads, settings.dropout)
        self.norm_2 = nn.LayerNorm(width, eps=1e-5)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, x: Tensor, mask: Mask, cache: Cache | None) -> Tensor:
        """(batch, positions, width) -> the same shape."""
        attended = self.attention(self.norm_1(x), mask, cache, self.layer)
        x = x + self.dropout(attended)
        hidden: Tensor = functional.gelu(self.up(self.norm_2(x)), approximate="tanh")
        hidden = self.dropout(self.down(hidden))
        return x + hidden


class GPT(nn.Module):
    """The decoder.  `settings.vocab` must be known (not 0).

    `head` is the token embedding, of `rows` rows: the vocabulary rounded up; whoever
    makes logits masks those of rows from `vocab` on.  With `recompute` set, the backward
    pass computes each block again instead of keeping what is inside.  `kernel` is
    what computes attention under a mask.
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings
        self.vocab = settings.vocab
        multiple = settings.vocab_multiple
        self.rows = (settings.vocab + multiple - 1) // multiple * multiple
        self.tokens = nn.Embedding(self.rows, settings.width)
        self.positions = nn.Embedding(settings.context, settings.width)
        self.dropout = nn.Dropout(settings.dropout)
        self.recompute = False
        self.kernel: Kernel = "sdpa"
        self.blocks = nn.ModuleList(Block(settings, n) for n in range(settings.layers))
        self.norm = nn.LayerNorm(settings.width, eps=1e-5)

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

    @property
    def head(self) -> Tensor:
        """The output weights (rows, width): the token embedding's."""
        return self.tokens.weight

    def forward(
        self, ids: Tensor, documents: Tensor | None = None, cache: Cache | None = None
    ) -> Tensor:
        """Token ids (batch, positions) -> final hidden states (batch, positions, width).

        With a `cache` the ids continue what it holds, and it grows by them.
        """
        start = cache.length if cache is not None else 0
        position = torch.arange(start, start + ids.shape[1], device=ids.device)
        x = self.dropout(self.tokens(ids) + self.positions(position))
        dense, banded = self._masks(ids, start + ids.shape[1], documents)
        for block in self.blocks:
            mask = banded if block.sparse else dense
            if self.recompute and torch.is_grad_enabled():
                x = checkpoint(block, x, mask, None, use_reentrant=False)
            else:
                x = block(x, mask, cache)
        hidden: Tensor = self.norm(x)
        return hidden

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
