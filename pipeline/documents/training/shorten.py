"""Short pages, made of long ones: a few blocks of main text and some of what stands around it.

Benchmarks hold pages worth a measurement, so hardly one with a paragraph or two, but the web is
full of them.  Each shortened page has a run of its main text, and part of the runs of other blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import compress

import numpy as np
import numpy.typing as npt

from pipeline.documents.blocks.layout import Layout
from pipeline.documents.training.labels import Labels
from pipeline.store.chance import chance_of

#: For each block whether it stays.
Kept = npt.NDArray[np.bool_]

#: Blocks of main text that stay, at most, and the fewest words that they have together.
_MOST_BLOCKS, _FEWEST_WORDS = 8, 20
#: On this share of pages nothing but main text stays; on others up to all that stands around it.
_BARE = 0.4


def few_blocks(labels: Labels, words: npt.NDArray[np.int64], name: str) -> Kept | None:
    """Which blocks of a page stay, by the hash of its name; None where its text is too short."""
    main = labels > 0.5
    places = np.flatnonzero(main)
    if not len(places) or words[places].sum() < _FEWEST_WORDS:
        return None
    wanted = 1 + int(chance_of(name, "blocks") ** 2 * _MOST_BLOCKS)
    begin = int(chance_of(name, "begin") ** 2 * max(len(places) - wanted, 0))
    so_far = np.cumsum(words[places[begin:]])
    if so_far[-1] < _FEWEST_WORDS:
        begin, so_far = 0, np.cumsum(words[places])
    count = max(wanted, int(np.searchsorted(so_far, _FEWEST_WORDS)) + 1)
    kept = np.zeros(len(labels), dtype=np.bool_)
    kept[places[begin : begin + count]] = True
    share = max(chance_of(name, "around") - _BARE, 0.0) / (1 - _BARE)
    runs = np.cumsum(np.diff(main, prepend=main[0]))
    stays = np.array([chance_of(f"{name} {run}", "run") < share for run in range(runs[-1] + 1)])
    result: Kept = kept | (~main & stays[runs])
    return result


def with_blocks(layout: Layout, kept: Kept) -> Layout:
    """A layout of the blocks that are kept and of the elements that hold one."""
    before = np.concatenate([[0], np.cumsum(kept)])
    first, last = before[np.array(layout.first)], before[np.array(layout.last)]
    held = last > first
    number = np.where(held, np.cumsum(held) - 1, -1)
    parent, code = np.array(layout.parent), np.array(layout.code)

    def elements(column: Sequence[object]) -> list[object]:
        return list(compress(column, held))

    def blocks(column: Sequence[object]) -> list[object]:
        return list(compress(column, kept))

    names = ("tag", "names", "own", "above", "telling", "own_score", "near_score", "far_score",
             "depth", "nth", "hidden", "linked")  # fmt: skip
    columns: dict[str, object] = {name: elements(getattr(layout, name)) for name in names}
    for name in ("text", "links", "link_chars", "inner", "breaks"):
        columns[name] = blocks(getattr(layout, name))
    columns |= {
        "parent": np.where(parent >= 0, number[parent], -1)[held].tolist(),
        "code": np.where(code >= 0, number[code], -1)[held].tolist(),
        "first": first[held].tolist(),
        "last": last[held].tolist(),
        "owner": number[np.array(layout.owner)][kept].tolist(),
        "images": [int(number[element]) for element in layout.images if held[element]],
        "starts": {int(number[e]): start for e, start in layout.starts.items() if held[e]},
    }
    return replace(layout, **columns)  # type: ignore[arg-type]
