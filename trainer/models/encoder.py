"""One encoder that is BERT, ALBERT or ELECTRA's towers by its settings alone.

Post-norm blocks over tokens, positions and segment types.  Sources: Devlin et al. 2018 with
google-research/bert `modeling.py`; Lan et al. 2019 with google-research/albert `modeling.py`
(embedding of its own width, normalised before it is projected; groups of layers that share
their weights); Clark et al. 2020 with google-research/electra `model/modeling.py`.

Shared layers are one module that is run several times, so memory, checkpoint and optimizer
hold one copy, and its gradients add up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from trainer.settings.model import EncoderSettings

#: Segment types: first and second.
TYPES = 2
#: Vectors of a batch without padding come in multiples of this, as matrix units want it.
_MULTIPLE = 8
#: Standard deviation of the weights at first (all three releases: truncated normal, 0.02).
STD = 0.02


@dataclass(frozen=True)
class Layout:
    """Which positions of a batch are real, and where their vectors lie.

    `mask`: bool (batch, positions).  `index`: int64 (vectors,), the places of the vectors in
    the flattened batch, those of all real positions among them; None when there is a vector for
    each position.
    """

    mask: Tensor
    index: Tensor | None

    @classmethod
    def of(cls, mask: Tensor, unpad: bool, most: int | None = None) -> Layout:
        """`unpad` makes vectors of real positions only, and of some padding to fill up.

        At most `most` positions are real.  The host knows that of rows that it has read; where it
        does not (None), they are counted, which waits for the device.
        """
        if not unpad:
            return cls(mask, None)
        wanted = int(mask.sum()) if most is None else most
        vectors = max(-(-wanted // _MULTIPLE), 1) * _MULTIPLE
        if vectors >= mask.numel():
            return cls(mask, None)
        real_first = mask.flatten().logical_not().byte().argsort(stable=True)
        return cls(mask, real_first[:vectors])

    def pick(self, x: Tensor) -> Tensor:
        """(batch, positions, ...) -> (vectors, ...)."""
        flat = x.flatten(0, 1)
        return flat if self.index is None else flat[self.index]

    def spread(self, x: Tensor) -> Tensor:
        """(vectors, width) -> (batch, positions, width), zero where there is no vector."""
        batch, positions = self.mask.shape
        if self.index is not None:
            x = x.new_zeros(batch * positions, x.shape[1]).index_copy(0, self.index, x)
        return x.view(batch, positions, -1)

    def seen(self) -> Tensor:
        """Keys that attention sees (batch, 1, 1, positions): the real ones, never none."""
        first = torch.arange(self.mask.shape[1], device=self.mask.device) == 0
        return (self.mask | first)[:, None, None, :]


class Attention(nn.Module):
    """Multi-head attention over all real positions."""

    def __init__(self, settings: EncoderSettings) -> None:
        super().__init__()
        self.heads = settings.heads
        self.dropout = settings.dropout
        self.qkv = nn.Linear(settings.width, 3 * settings.width)
        self.out = nn.Linear(settings.width, settings.width)

    def forward(self, x: Tensor, layout: Layout, seen: Tensor) -> Tensor:
        """(vectors, width) -> the same shape."""
        qkv = layout.spread(self.qkv(x))
        batch, positions, _ = qkv.shape
        parts = qkv.view(batch, positions, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = functional.scaled_dot_product_attention(
            parts[0],
            parts[1],
            parts[2],
            attn_mask=seen,
            dropout_p=self.dropout if self.training else 0.0,
        )
        y = layout.pick(y.transpose(1, 2).reshape(batch, positions, -1))
        projected: Tensor = self.out(y)
        return projected


class Block(nn.Module):
    """Attention and a feed-forward layer, each added to its input and then normalised."""

    def __init__(self, settings: EncoderSettings) -> None:
        super().__init__()
        self.attention = Attention(settings)
        self.norm_1 = nn.LayerNorm(settings.width, eps=settings.eps)
        self.up = nn.Linear(settings.width, settings.inner_width)
        self.down = nn.Linear(settings.inner_width, settings.width)
        self.norm_2 = nn.LayerNorm(settings.width, eps=settings.eps)
        self.dropout = nn.Dropout(settings.dropout)
        self.approximate = "tanh" if settings.activation == "tanh" else "none"

    def forward(self, x: Tensor, layout: Layout, seen: Tensor) -> Tensor:
        """(vectors, width) -> the same shape."""
        x = self.norm_1(x + self.dropout(self.attention(x, layout, seen)))
        hidden = functional.gelu(self.up(x), approximate=self.approximate)
        normed: Tensor = self.norm_2(x + self.dropout(self.down(hidden)))
        return normed


class Embeddings(nn.Module):
    """Sum of token, position and segment type, normalised.  ELECTRA's towers share it."""

    def __init__(self, settings: EncoderSettings) -> None:
        super().__init__()
        width, multiple = settings.embedding_width, settings.vocab_multiple
        rows = (settings.vocab + multiple - 1) // multiple * multiple
        self.tokens = nn.Embedding(rows, width)
        self.positions = nn.Embedding(settings.context, width)
        self.types = nn.Embedding(TYPES, width)
        self.norm = nn.LayerNorm(width, eps=settings.eps)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, ids: Tensor, types: Tensor, layout: Layout) -> Tensor:
        """Ids and segment types (batch, positions) -> (vectors, embedding width)."""
        position = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
        x = self.tokens(layout.pick(ids)) + self.types(layout.pick(types))
        x = x + self.positions(layout.pick(position))
        embedded: Tensor = self.dropout(self.norm(x))
        return embedded


class Encoder(nn.Module):
    """The encoder.  `settings.vocab` must be known (not 0).

    `embeddings` may be another encoder's, to share it.  With `recompute` set, the backward
    pass computes each block again instead of keeping what is inside: of shared layers, too,
    the activations are what takes the memory.
    """

    def __init__(self, settings: EncoderSettings, embeddings: Embeddings | None = None) -> None:
        super().__init__()
        self.settings = settings
        self.embeddings = embeddings if embeddings is not None else Embeddings(settings)
        between = (settings.embedding_width, settings.width)
        self.project = nn.Linear(*between) if settings.projects else None
        self.recompute = False
        distinct = settings.group_count * settings.inner_layers
        self.blocks = nn.ModuleList(Block(settings) for _ in range(distinct))

    def run(self) -> Iterator[nn.Module]:
        """The blocks in the order in which they are run, shared ones again and again."""
        settings = self.settings
        for layer in range(settings.layers):
            group = layer * settings.group_count // settings.layers
            for inner in range(settings.inner_layers):
                yield self.blocks[group * settings.inner_layers + inner]

    def layout(self, mask: Tensor, most: int | None = None) -> Layout:
        """How the vectors of a batch lie, of whose positions those of `mask` are real, `most` of
        them at most (None: they are counted).
        """
        wanted = self.settings.unpad
        unpad = wanted == "on" or (wanted == "auto" and not mask.is_cuda)
        return Layout.of(mask, unpad, most)

    def forward(self, ids: Tensor, types: Tensor, layout: Layout) -> Tensor:
        """Ids, types (batch, positions) -> final states (batch, positions, width).

        Those in padding mean nothing.
        """
        x = self.embeddings(ids, types, layout)
        if self.project is not None:
            x = self.project(x)
        seen = layout.seen()
        for block in self.run():
            if self.recompute and torch.is_grad_enabled():
                x = checkpoint(block, x, layout, seen, use_reentrant=False)
            else:
                x = block(x, layout, seen)
        return layout.spread(x)

    def flops(self) -> float:
        """Operations of one token forward: two for each weight that multiplies, and attention.

        Shared weights multiply once for each layer that they are.
        """
        settings = self.settings
        weights = sum(p.numel() for block in self.run() for p in block.parameters() if p.dim() == 2)
        if self.project is not None:
            weights += self.project.weight.numel()
        depth = settings.layers * settings.inner_layers
        return 2.0 * weights + 4.0 * depth * settings.width * settings.context
