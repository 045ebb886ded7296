"""Dropout without state: what is dropped follows from (seed, sample, layer) and the place.

So a step's losses do not depend on how its samples are dealt out to processes and micro-batches,
and resuming repeats them.  A 32-bit hash decides two numbers, of 16 bits each.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainer.models.noise import GOLDEN_32, hashed, mixed_32

_STEPS = 1 << 16  # a chance is a whole number of these parts


def dropout_keys(samples: Tensor, positions: int, seed: int) -> Tensor:
    """Keys for samples of these numbers, int64 (batch): int32 (batch, positions)."""
    position = torch.arange(positions, device=samples.device)
    return hashed(hashed(samples, seed)[:, None] + position, seed).to(torch.int32)


class Dropout(nn.Module):
    """Sets numbers to 0 with chance `rate` while training, and scales the rest.

    `site` tells the dropouts of a layer apart.
    """

    def __init__(self, rate: float, site: int = 0) -> None:
        super().__init__()
        self.rate, self.site = rate, site

    def forward(self, x: Tensor, keys: Tensor | None, layer: int = 0) -> Tensor:
        """(..., n) with keys (...), int32; None: nothing is dropped."""
        if not (self.training and self.rate) or keys is None:
            return x
        return dropped(x, self.rate, keys, 16 * layer + self.site)


def dropped(x: Tensor, rate: float, keys: Tensor, site: int) -> Tensor:
    """`x` (..., n) after dropout, keyed by `keys` (...) and `site`."""
    lost = round(rate * _STEPS)
    kept = _draws(keys, site, x.shape[-1]) >= lost - _STEPS // 2
    return torch.where(kept, x * (_STEPS / (_STEPS - lost)), 0.0)


def attention_keys(keys: Tensor, heads: int) -> Tensor:
    """Keys of the rows of attention's probabilities: int32 (batch, heads, positions)."""
    head = torch.arange(heads, device=keys.device, dtype=torch.int32)
    return mixed_32(keys[:, None, :] + (head * GOLDEN_32)[:, None])


def _draws(keys: Tensor, site: int, count: int) -> Tensor:
    """Uniform int16 (*keys.shape, count)."""
    pairs = -(-count // 2)
    number = torch.arange(pairs, device=keys.device, dtype=torch.int32) * GOLDEN_32
    row = mixed_32(keys + _signed(site * GOLDEN_32))
    return mixed_32(row[..., None] + number).view(torch.int16)[..., :count]


def _signed(number: int) -> int:
    """A number of 32 bits as int32 has it."""
    return (number + (1 << 31)) % (1 << 32) - (1 << 31)
