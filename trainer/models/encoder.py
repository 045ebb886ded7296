"""One encoder that is BERT, ALBERT, ELECTRA's towers or ModernBERT by its settings alone.

Sources: Devlin et al. 2018 with google-research/bert `modeling.py`; Lan et al. 2019 with
google-research/albert `modeling.py` (embedding of its own width, normalised before it is
projected; groups of layers that share their weights); Clark et al. 2020 with
google-research/electra `model/modeling.py`; Warner et al. 2024 with AnswerDotAI/ModernBERT (norms
before the layers but for the first, rotary positions, gates, most layers see their surroundings
only).

Shared layers are one module that is run several times, so memory, checkpoint and optimizer
hold one copy, and its gradients add up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from trainer.models.attention import attend, attend_with_scores
from trainer.models.dropout import Dropout, dropout_keys
from trainer.models.layers import (
    HeadProjections,
    Rotation,
    fed_forward,
    feed_forward,
    make_norm,
    rotation_of,
)
from trainer.models.layout import BatchLayout
from trainer.models.linear import Linear
from trainer.models.short_attention import attend_short, is_short
from trainer.settings.model import EncoderSettings

#: Standard deviation of the weights at first (all three releases: truncated normal, 0.02).
STD = 0.02


class Scope(NamedTuple):
    """What attention over a rectangle of the layout is told.

    `seen`: which keys.  `rotation`: angles.  Of both the second is for layers that see their band
    only.  `keys`: dropout's (samples, positions).
    """

    seen: tuple[Tensor | None, Tensor | None]
    rotation: tuple[Rotation | None, Rotation | None]
    keys: Tensor | None


@dataclass(frozen=True)
class Surroundings:
    """What all blocks of a pass are told: the layout, attention's scopes, each vector's dropout.

    `keys`: those of the positions that have a vector.
    """

    layout: BatchLayout
    scopes: list[Scope]
    keys: Tensor | None
    #: Whether the scores of attention are asked for.
    scored: bool = False


class Observed(NamedTuple):
    """What is inside an encoder while it reads.

    `states`: the embedding's and each layer's, (vectors, width).  `scores`: each layer's before
    mask and softmax, (batch, heads, positions, positions).  `final`: what `forward` gives.
    """

    states: list[Tensor]
    scores: list[Tensor]
    final: Tensor


#: States (vectors, width), and the scores of attention behind them where they are asked for.
Step = tuple[Tensor, Tensor | None]


class Attention(HeadProjections):
    """Multi-head attention over all real positions, or those of a band."""

    def forward(
        self, x: Tensor, around: Surroundings, banded: bool, layer: int, asked: Tensor | None
    ) -> Step:
        """(vectors, width) -> the same shape, or (asked, width), with scores."""
        projected, scores = self.qkv(x), None
        lengths = around.layout.lengths
        if self._sees_all(around, banded) and is_short(projected, lengths):
            joined = attend_short(projected, lengths, self.heads)
        else:
            joined, scores = self._by_rectangle(projected, around, banded, layer)
        attended: Tensor = self.out(joined if asked is None else joined[asked])
        return attended, scores

    def _sees_all(self, around: Surroundings, banded: bool) -> bool:
        """Whether each head sees its whole sample as the projection has it, and drops nothing."""
        return (
            self.heads == self.kv_heads
            and self.norm_q is None
            and not around.scored
            and not any(
                scope.seen[banded] is not None
                or scope.rotation[banded] is not None
                or (self.current_rate and scope.keys is not None)
                for scope in around.scopes
            )
        )

    def _by_rectangle(
        self, projected: Tensor, around: Surroundings, banded: bool, layer: int
    ) -> Step:
        """What is projected (vectors, rows) -> (vectors, heads * head width), with scores."""
        attended, scores = [], None
        for qkv, scope in zip(around.layout.split(projected), around.scopes, strict=True):
            query, key, value = self.split(qkv, scope.rotation[banded])
            seen, rate, keys = scope.seen[banded], self.current_rate, scope.keys
            if around.scored:
                y, scores = attend_with_scores(query, key, value, seen, rate, keys, layer)
            else:
                y = attend(query, key, value, seen, False, rate, keys, layer)
            attended.append(y.transpose(1, 2).flatten(2))
        return around.layout.join(attended), scores


class EncoderBlock(nn.Module):
    """Attention and a feed-forward layer, each added to what it reads.

    The sum is normalised, or with `norm_first` what is read; the first block of all reads what the
    embedding has normalised.
    """

    def __init__(self, settings: EncoderSettings, number: int) -> None:
        super().__init__()
        self.settings = settings
        self.attention = Attention(settings)
        normed = settings.norm_first and number == 0
        self.norm_1 = nn.Identity() if normed else make_norm(settings, settings.width)
        self.up, self.down, rows = feed_forward(settings)
        self.norm_2 = make_norm(settings, settings.width)
        self.dropout = Dropout(settings.dropout)
        #: Rows of the matrices in a parameter (`trainer.optim.groups`).
        self.stacked = {"up.weight": rows}

    def forward(
        self, x: Tensor, around: Surroundings, layer: int, asked: Tensor | None = None
    ) -> Step:
        """(vectors, width) -> the same shape.  `layer` counts from 0, shared ones each time.

        `asked`: int64, the only vectors that anyone reads: what comes out is theirs.
        """
        keys = around.keys
        banded = self.settings.banded(layer)
        given = self.norm_1(x) if self.settings.norm_first else x
        attended, scores = self.attention(given, around, banded, layer, asked)
        if asked is not None:
            x, keys = x[asked], None if keys is None else keys[asked]
        if self.settings.norm_first:
            x = x + self.dropout(attended, keys, 2 * layer + 1)
            fed: Tensor = self.dropout(self._fed(self.norm_2(x)), keys, 2 * layer + 2)
            return x + fed, scores
        x = self.norm_1(x + self.dropout(attended, keys, 2 * layer + 1))
        normed: Tensor = self.norm_2(x + self.dropout(self._fed(x), keys, 2 * layer + 2))
        return normed, scores

    def _fed(self, x: Tensor) -> Tensor:
        down: Tensor = self.down(fed_forward(self.up(x), self.settings))
        return down


class Embeddings(nn.Module):
    """Sum of token, position and segment type, normalised.  ELECTRA's towers share it."""

    def __init__(self, settings: EncoderSettings) -> None:
        super().__init__()
        width = settings.embedding_width
        self.tokens = nn.Embedding(settings.rows, width)
        learned = settings.positions == "learned"
        self.positions = nn.Embedding(settings.context, width) if learned else None
        self.types = nn.Embedding(settings.types, width) if settings.types else None
        self.norm = make_norm(settings, width)
        self.dropout = Dropout(settings.dropout)

    def forward(
        self, ids: Tensor, types: Tensor, layout: BatchLayout, keys: Tensor | None
    ) -> Tensor:
        """Ids and segment types (batch, positions) -> (vectors, embedding width)."""
        x = self.tokens(layout.pick(ids))
        if self.types is not None:
            x = x + self.types(layout.pick(types))
        if self.positions is not None:
            position = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
            x = x + self.positions(layout.pick(position))
        embedded: Tensor = self.dropout(self.norm(x), keys)
        return embedded


class Encoder(nn.Module):
    """The encoder.  `settings.vocab` must be known (not 0).

    `embeddings` may be another encoder's, to share it.  With `recompute` set, the backward
    pass computes each block again instead of keeping what is inside: of shared layers, too,
    the activations are what takes the memory.  `dropout_seed` keys dropout.
    """

    def __init__(self, settings: EncoderSettings, embeddings: Embeddings | None = None) -> None:
        super().__init__()
        self.settings = settings
        self.embeddings = embeddings if embeddings is not None else Embeddings(settings)
        between = (settings.embedding_width, settings.width)
        self.project = Linear(*between) if settings.projects else None
        self.recompute = False
        self.dropout_seed = 0
        distinct = settings.group_count * settings.inner_layers
        self.blocks = nn.ModuleList(EncoderBlock(settings, number) for number in range(distinct))
        self.norm = make_norm(settings, settings.width) if settings.norm_first else None

    def layers(self) -> list[EncoderBlock]:
        """The blocks that have weights of their own, in their order."""
        return [block for block in self.blocks if isinstance(block, EncoderBlock)]

    def run(self) -> Iterator[nn.Module]:
        """The blocks in the order in which they are run, shared ones again and again."""
        settings = self.settings
        for layer in range(settings.layers):
            group = layer * settings.group_count // settings.layers
            for inner in range(settings.inner_layers):
                yield self.blocks[group * settings.inner_layers + inner]

    def layout(self, mask: Tensor, most: int | None = None) -> BatchLayout:
        """How the vectors of a batch lie, of whose positions those of `mask` are real, `most` of
        them at most (None: they are counted).
        """
        wanted = self.settings.unpad
        unpad = wanted == "on" or (wanted == "auto" and not mask.is_cuda)
        return BatchLayout.of(mask, unpad, most)

    def forward(
        self,
        ids: Tensor,
        types: Tensor,
        layout: BatchLayout,
        samples: Tensor | None = None,
        places: Tensor | None = None,
    ) -> Tensor:
        """Ids, types (batch, positions) -> final states (batch, positions, width).

        Those in padding mean nothing.  `samples`, their numbers in the run (batch), key dropout;
        without them there is none.  With `places` (batch, n) only the states there are wanted,
        (batch, n, width), and what follows the last attention is computed for them alone.
        """
        asked = None if places is None else layout.find(places)
        states = self.vectors(ids, types, layout, samples, asked)
        return layout.spread(states) if places is None else states.unflatten(0, places.shape)

    def vectors(
        self,
        ids: Tensor,
        types: Tensor,
        layout: BatchLayout,
        samples: Tensor | None = None,
        asked: Tensor | None = None,
    ) -> Tensor:
        """The same as the layout has them (vectors, width), or those `asked` for, int64 (asked)."""
        for x, _ in self._steps(ids, types, self._surroundings(layout, samples), asked):
            last = x
        return self._normed(last)

    def observe(
        self, ids: Tensor, types: Tensor, layout: BatchLayout, samples: Tensor | None = None
    ) -> Observed:
        """The same, with the states and scores inside; states as the layers put them out."""
        layout = replace(layout, by_length=())
        around = replace(self._surroundings(layout, samples), scored=True)
        steps = list(self._steps(ids, types, around))
        states, scores = [x for x, _ in steps], [s for _, s in steps if s is not None]
        return Observed(states, scores, layout.spread(self._normed(states[-1])))

    def _steps(
        self, ids: Tensor, types: Tensor, around: Surroundings, asked: Tensor | None = None
    ) -> Iterator[Step]:
        """The embedding, then each layer; of the last the vectors that are `asked` for."""
        x = self.embeddings(ids, types, around.layout, around.keys)
        if self.project is not None:
            x = self.project(x)
        yield x, None
        *before, last = self.run()
        for layer, block in enumerate([*before, last]):
            wanted = asked if layer == len(before) else None
            if self.recompute and torch.is_grad_enabled():
                x, scores = checkpoint(block, x, around, layer, wanted, use_reentrant=False)
            else:
                x, scores = block(x, around, layer, wanted)
            yield x, scores

    def _normed(self, x: Tensor) -> Tensor:
        return x if self.norm is None else self.norm(x)

    def _surroundings(self, layout: BatchLayout, samples: Tensor | None) -> Surroundings:
        settings = self.settings
        seen = near = layout.seen()
        if settings.attention != "dense":
            near = layout.seen(settings.band)
        rotations = [self._rotations(one.positions, layout.mask) for one in layout.rectangles]
        keys: Tensor | None = None
        keys_of_scopes: list[Tensor] | list[None] = [None] * len(seen)
        if self.training and samples is not None and (settings.dropout or settings.attention_drop):
            drawn = dropout_keys(samples, layout.mask.shape[1], self.dropout_seed)
            keys = layout.pick(drawn)
            keys_of_scopes = layout.split(keys)
        sights = zip(seen, near, strict=True)
        scopes = [Scope(*one) for one in zip(sights, rotations, keys_of_scopes, strict=True)]
        return Surroundings(layout, scopes, keys)

    def _rotations(self, positions: int, on: Tensor) -> tuple[Rotation | None, Rotation | None]:
        """Angles of far-seeing layers and of banded ones, on the device of a tensor."""
        if self.settings.positions != "rope":
            return None, None
        position = torch.arange(positions, device=on.device)
        thetas = self.settings.rope_theta, self.settings.local_theta
        far, near = (rotation_of(position, self.settings.each_head, theta) for theta in thetas)
        return far, near

    def flops(self) -> float:
        """Operations of one token forward: two for each weight that multiplies, and attention.

        Shared weights multiply once for each layer that they are.
        """
        settings = self.settings
        weights = sum(p.numel() for block in self.run() for p in block.parameters() if p.dim() == 2)
        if self.project is not None:
            weights += self.project.weight.numel()
        keys = 0
        for layer in range(settings.layers * settings.inner_layers):
            most = 2 * settings.band + 1 if settings.banded(layer) else settings.context
            keys += min(most, settings.context)
        return 2.0 * weights + 4.0 * keys * settings.heads * settings.each_head
