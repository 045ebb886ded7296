"""The structure of a page as arrays, which the features of both stages lean on."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from pipeline.documents.blocks.layout import Layout
from pipeline.documents.blocks.numbers import Column

_Key = TypeVar("_Key", bound=Hashable)

#: How many elements upwards from a block's own are looked at.
LEVELS = 8


@dataclass(frozen=True, slots=True)
class Structure:
    """Elements and blocks by number; `first` and `last` bound the blocks of an element."""

    tag: Column
    above: Column  # the element that one lies in; of the root itself
    first: Column
    last: Column
    owner: Column  # of each block
    up: Column  # of each block: its element, the one above, …: a row a level (LEVELS)
    shape: Column  # blocks of one shape have elements of the same tag and names in like ones
    group: Column  # elements of one group are siblings of the same tag and first name
    depth: Column
    families: Column  # of the names of each element
    # Of the element of each block.
    telling: Column
    families_above: Column
    hidden: Column
    code: npt.NDArray[np.bool_]  # whether it is verbatim
    inner: Column  # families of the inline elements in each block, and the bits of `Layout.inner`
    chars: Column  # how many characters each block has, …
    link_chars: Column  # … and how many of them are in links


def structure(layout: Layout) -> Structure:
    """The structure of a page with one block at least."""
    parent = np.array(layout.parent, dtype=np.int64)
    above = np.maximum(parent, 0)
    owner = np.array(layout.owner, dtype=np.int64)
    first = np.array(layout.first, dtype=np.int64)
    last = np.maximum(np.array(layout.last, dtype=np.int64), first)
    up = np.empty((LEVELS, len(owner)), dtype=np.int64)
    up[0] = owner
    for level in range(1, LEVELS):
        above.take(up[level - 1], out=up[level], mode="clip")  # the mode that needs no copy
    chars = np.fromiter(map(len, layout.text), dtype=np.int64, count=len(owner))
    alike, kinds = _numbered(zip(layout.tag, layout.names, strict=True))
    pairs = alike.take(owner) * len(kinds) + alike.take(above.take(owner))
    named, names = _numbered((tag, name.partition(" ")[0]) for tag, name in kinds)
    return Structure(
        tag=np.array(layout.tag, dtype=np.int64),
        above=above,
        first=np.minimum(first, len(owner)),
        last=np.minimum(last, len(owner)),
        owner=owner,
        up=up,
        shape=_numbered(pairs.tolist())[0],
        group=_numbered(((parent + 1) * len(names) + named.take(alike)).tolist())[0],
        depth=np.array(layout.depth, dtype=np.int64),
        families=np.array(layout.own, dtype=np.int64),
        telling=np.array(layout.telling, dtype=np.int64).take(owner),
        families_above=np.array(layout.above, dtype=np.int64).take(owner),
        hidden=np.array(layout.hidden, dtype=np.int64).take(owner),
        code=np.array(layout.code, dtype=np.int64).take(owner) >= 0,
        inner=np.array(layout.inner, dtype=np.int64),
        chars=chars,
        link_chars=np.minimum(np.array(layout.link_chars, dtype=np.int64), chars),
    )


def _numbered(keys: Iterable[_Key]) -> tuple[Column, list[_Key]]:
    """Each key as the number of its first appearance, and those that there are in this order."""
    numbers: dict[_Key, int] = {}
    numbered = [numbers.setdefault(key, len(numbers)) for key in keys]
    return np.array(numbered, dtype=np.int64), list(numbers)


def totals(values: Column, above: Column) -> Column:
    """The sum of an element's own value and of those of all that lie in it."""
    if not values.any():
        return values
    sums, over = values.tolist(), above.tolist()
    for element in range(len(sums) - 1, 0, -1):
        if sums[element]:
            sums[over[element]] += sums[element]
    return np.array(sums, dtype=np.int64)


def nearest(marked: npt.NDArray[np.bool_], above: Column) -> Column:
    """For each element the nearest marked one among itself and those it lies in, or -1."""
    at = np.where(marked, np.arange(len(above)), above)
    while not np.array_equal(further := at[at], at):  # each time twice as far up
        at = further
    found: Column = np.where(marked[at], at, -1)
    return found
