"""Random numbers on the device, without state: a hash of (seed, purpose, sample, place).

So any sample's masks can be made again alone, on any device, in any batch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

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
    place = torch.arange(count, device=samples.device, dtype=torch.int64)
    keys = hashed(samples, seed)[..., None] + place
    return (_shifted(hashed(keys, seed), 64 - _BITS, 64).float() + 0.5) * 2.0**-_BITS


def gumbels(samples: Tensor, places: Tensor, count: int, seed: int) -> Tensor:
    """Gumbel noise, -log(-log(u)), for each place and each of `count` choices.

    `samples` int64 (batch), `places` int64 (batch, n) -> float32 (batch, n, count).  In
    32-bit arithmetic, since there are as many numbers as logits: each is hashed under both
    halves of its place's 64-bit key.
    """
    keys = hashed(hashed(samples, seed)[:, None] + places, seed)
    high, low = _shifted(keys, 32, 64).to(torch.int32), keys.to(torch.int32)
    choice = torch.arange(count, device=samples.device, dtype=torch.int32) * GOLDEN_32
    x = mixed_32(mixed_32(choice ^ low[..., None]) + high[..., None])
    uniform = (_shifted(x, 32 - _BITS, 32).float() + 0.5) * 2.0**-_BITS
    return -torch.log(-torch.log(uniform))


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
