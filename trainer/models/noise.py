"""Random numbers on the device, without state: a hash of (seed, purpose, sample, place).

So any sample's masks can be made again alone, on any device, in any batch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

#: Odd constants of SplitMix64's finaliser (Steele, Lea and Flood, 2014), as signed integers.
_MIX_1 = 0xBF58476D1CE4E5B9 - (1 << 64)
_MIX_2 = 0x94D049BB133111EB - (1 << 64)
_GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)
#: Odd constants of the 32-bit finaliser "lowbias32" (Wellons, hash-prospector).
_LOW_1 = 0x7FEB352D
_LOW_2 = 0x846CA68B - (1 << 32)
#: Multiples of it differ in many bits.
GOLDEN_32 = 0x9E3779B9 - (1 << 32)
_BITS = 23  # of a uniform number: so many and a half are exact in float32
_BITS_64 = 52  # … in float64
#: Weights that are added up at a time; a padded vocabulary is a multiple of it.
_BLOCK = 128


def hashed(keys: Tensor, seed: int) -> Tensor:
    """A 64-bit hash of each key under a seed: int64, of the keys' shape."""
    x = keys * _GOLDEN + seed
    x = (x ^ _shifted(x, 30, 64)) * _MIX_1
    x = (x ^ _shifted(x, 27, 64)) * _MIX_2
    return x ^ _shifted(x, 31, 64)


def uniforms(samples: Tensor, count: int, seed: int) -> Tensor:
    """`count` numbers in (0, 1) for each sample: float32 (*samples.shape, count).

    `samples`: int64 ids.  `seed` comes from `seed_for`, one for each purpose.
    """
    position = torch.arange(count, device=samples.device, dtype=torch.int64)
    keys = hashed(samples, seed)[..., None] + position
    return (_shifted(hashed(keys, seed), 64 - _BITS, 64).float() + 0.5) * 2.0**-_BITS


def drawn(logits: Tensor, samples: Tensor, places: Tensor, seed: int) -> Tensor:
    """A choice for each place, drawn from softmax(logits): int64 (batch, n).

    `logits` (batch, n, choices); `samples` int64 (batch) and `places` int64 (batch, n) key it.
    """
    numbers = draw_numbers(samples, places, seed).flatten()
    return chosen(logits.float().softmax(-1).flatten(0, 1), numbers).view(places.shape)


def draw_numbers(samples: Tensor, places: Tensor, seed: int) -> Tensor:
    """A number in (0, 1) for each place: float64 (batch, n), keyed as `drawn` is."""
    keys = hashed(hashed(samples, seed)[:, None] + places, seed)
    return (_shifted(keys, 64 - _BITS_64, 64).double() + 0.5) * 2.0**-_BITS_64


def chosen(weights: Tensor, numbers: Tensor) -> Tensor:
    """A choice for each row, in proportion to its weights (rows, choices): int64 (rows).

    It is where the running sum of the weights passes a share of the whole, `numbers` float64
    (rows): as exact as Gumbel noise on each choice, for one number instead of as many as there are
    choices.  Sums run over blocks, then within one: products with a triangle, since
    `torch.cumsum` may differ from call to call on a GPU, in float64, which autocast leaves alone.
    Within a block a sum is as exact as the weights are.
    """
    count = weights.shape[-1]
    if count % _BLOCK:
        weights = functional.pad(weights, (0, -count % _BLOCK))
    blocks = weights.unflatten(-1, (-1, _BLOCK))
    sums = blocks.sum(-1).double()  # with `dtype` all weights would be copied first
    ends = sums @ _triangle(sums)
    point = numbers[:, None] * ends[:, -1:]
    block = (ends <= point).sum(-1, keepdim=True).clamp_max(ends.shape[1] - 1)
    inside = blocks.gather(1, block[..., None].expand(-1, 1, _BLOCK))[:, 0].double()
    before = (ends - sums).gather(-1, block)
    choice = (before + inside @ _triangle(inside) <= point).sum(-1)
    result: Tensor = block[:, 0] * _BLOCK + choice
    return result.clamp_max(count - 1)


def _triangle(rows: Tensor) -> Tensor:
    """What rows are multiplied by for their running sums."""
    side = rows.shape[-1]
    return torch.ones(side, side, dtype=rows.dtype, device=rows.device).triu()


def truncated_normal(parameter: Tensor, std: float, generator: torch.Generator) -> None:
    """Fills a tensor with N(0, std) cut at two standard deviations, the same on any device.

    By the inverse of the distribution function, as TensorFlow's
    `truncated_normal_initializer` is distributed.
    """
    edge = 0.5 * (1 + math.erf(-2 / math.sqrt(2)))
    drawn = torch.empty(parameter.shape).uniform_(edge, 1 - edge, generator=generator)
    with torch.no_grad():
        parameter.copy_(torch.special.ndtri(drawn) * std)


def mixed_32(x: Tensor) -> Tensor:
    """A bijection of 32-bit numbers in which each bit in moves each bit out."""
    x = (x ^ _shifted(x, 16, 32)) * _LOW_1
    x = (x ^ _shifted(x, 15, 32)) * _LOW_2
    return x ^ _shifted(x, 16, 32)


def _shifted(x: Tensor, by: int, bits: int) -> Tensor:
    """A shift to the right that fills with zeros; torch's repeats the sign."""
    return (x >> by) & ((1 << (bits - by)) - 1)
