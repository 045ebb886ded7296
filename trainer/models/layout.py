"""Which positions of a batch are real, where their vectors lie, and what attention takes together.

An encoder multiplies vectors of real positions only.  Attention wants whole sentences: either all
samples, filled up to the longest, under a mask; or, where Python may look at the lengths, those of
one length at a time, without padding and without a mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor

#: Vectors of a batch without padding come in multiples of this, as matrix units want it.
_MULTIPLE = 8


class Rectangle(NamedTuple):
    """Samples of one length, whose vectors lie one after another."""

    samples: int
    positions: int


def readable(tensor: Tensor) -> bool:
    """Whether Python may look at values: a GPU would have to be waited for, a graph has none."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def places_where(mask: Tensor) -> Tensor | None:
    """Where a mask (n,) is true: int64, ascending; None where Python may not look."""
    return mask.nonzero()[:, 0] if readable(mask) else None


@dataclass(frozen=True)
class BatchLayout:
    """Which positions of a batch are real, and where their vectors lie.

    `mask`: bool (batch, positions), in each sample the first ones.  `index`: int64 (vectors,), the
    places of the vectors in the flattened batch, those of all real positions first, from the
    shortest sample to the longest; None when there is a vector for each position.  `by_length`:
    what attention takes together, in the order of the vectors; () has it take the whole batch.
    """

    mask: Tensor
    index: Tensor | None
    by_length: tuple[Rectangle, ...] = ()

    @classmethod
    def of(cls, mask: Tensor, unpad: bool, most: int | None = None) -> BatchLayout:
        """`unpad` makes vectors of real positions only, and of some padding to fill up.

        At most `most` positions are real.  The host knows that of rows that it has read; where it
        does not (None), they are counted, which waits for the device; a CPU always counts.
        """
        if not unpad:
            return cls(mask, None)
        wanted = int(mask.sum()) if most is None or readable(mask) else most
        vectors = max(-(-wanted // _MULTIPLE), 1) * _MULTIPLE
        positions = mask.shape[1]
        order = mask.sum(1).argsort(stable=True)
        real_first = mask[order].flatten().logical_not().byte().argsort(stable=True)[:vectors]
        return cls.at(mask, order[real_first // positions] * positions + real_first % positions)

    @classmethod
    def at(cls, mask: Tensor, index: Tensor | None) -> BatchLayout:
        """With attention by length where that is possible."""
        if index is None or not readable(mask):
            return cls(mask, index)
        lengths = sorted(mask.sum(1).tolist())
        runs = (Rectangle(len(list(some)), length) for length, some in groupby(lengths))
        return cls(mask, index, tuple(one for one in runs if one.positions))

    @property
    def rectangles(self) -> tuple[Rectangle, ...]:
        """What attention takes together."""
        return self.by_length or (Rectangle(*self.mask.shape),)

    @property
    def lengths(self) -> list[int]:
        """Of each sample, in the order of the vectors; none where they are not known."""
        return [one.positions for one in self.by_length for _ in range(one.samples)]

    def pick(self, x: Tensor) -> Tensor:
        """(batch, positions, ...) -> (vectors, ...)."""
        flat = x.flatten(0, 1)
        return flat if self.index is None else flat[self.index]

    def find(self, places: Tensor) -> Tensor:
        """Places (batch, n), of real positions -> where their vectors lie (batch * n)."""
        batch, positions = self.mask.shape
        rows = torch.arange(batch, device=places.device)[:, None]
        flat = (rows * positions + places).flatten()
        if self.index is None:
            return flat
        number = torch.arange(len(self.index), device=places.device)
        return number.new_zeros(self.mask.numel()).index_copy(0, self.index, number)[flat]

    def spread(self, x: Tensor) -> Tensor:
        """(vectors, ...) -> (batch, positions, ...), zero where there is no vector."""
        if self.index is not None:
            empty = x.new_zeros(self.mask.numel(), *x.shape[1:])
            x = empty.index_copy(0, self.index, x)
        result: Tensor = x.unflatten(0, self.mask.shape)
        return result

    def split(self, x: Tensor) -> list[Tensor]:
        """(vectors, ...) -> of each rectangle (samples, positions, ...)."""
        if not self.by_length:
            return [self.spread(x)]
        sizes = [one.samples * one.positions for one in self.rectangles]
        *parts, _ = x.split([*sizes, len(x) - sum(sizes)])
        return [part.unflatten(0, one) for part, one in zip(parts, self.rectangles, strict=True)]

    def join(self, parts: list[Tensor]) -> Tensor:
        """What `split` gives -> (vectors, ...), zero where it fills up."""
        if not self.by_length:
            return self.pick(parts[0])
        assert self.index is not None
        flat = [part.flatten(0, 1) for part in parts]
        missing = len(self.index) - sum(map(len, flat))
        return torch.cat([*flat, flat[0].new_zeros(missing, *flat[0].shape[1:])])

    def seen(self, band: int | None = None) -> list[Tensor | None]:
        """Of each rectangle the keys that attention sees; None: all.

        Bool (samples or 1, 1, 1 or queries, positions): the real ones, never none.  `band`: those
        at most so far away, on either side.
        """
        if self.by_length:
            return [self._near(positions, band) for _, positions in self.rectangles]
        positions = self.mask.shape[1]
        first = torch.arange(positions, device=self.mask.device) == 0
        seen = (self.mask | first)[:, None, None, :]
        near = self._near(positions, band)
        if near is None:
            return [seen]
        itself = torch.eye(positions, dtype=torch.bool, device=seen.device)
        return [(seen & near) | itself]

    def _near(self, positions: int, band: int | None) -> Tensor | None:
        """(1, 1, positions, positions); None where all are near."""
        if band is None or band >= positions - 1:
            return None
        position = torch.arange(positions, device=self.mask.device)
        return ((position[:, None] - position).abs() <= band)[None, None]
