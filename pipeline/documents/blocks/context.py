"""Second-stage features: what the first stage found of a block, of its surroundings and its like.

The first stage judges each block for itself; here a block sees how those before and after it,
those in the same elements and those of the same shape were judged, and how sure the page is.
"""

from __future__ import annotations

import numpy as np

from pipeline.documents.blocks.numbers import (
    Beside,
    Column,
    WindowSums,
    by_key,
    running,
    since,
    until,
)
from pipeline.documents.blocks.structure import LEVELS, Structure
from pipeline.documents.blocks.table import FeatureRows, FeatureTable

#: Words of a block beyond these do not count: one long block must not outweigh a page.
MOST_WORDS = 300
_NEAR = (1, 2, 3, -1, -2, -3)
_WINDOWS = (2, 4, 8, 20, 50)
_SIDES = (3, 10, 30)
_GROUP_LEVELS = 6
#: Thousandths from which a block is surely text; between the other two it is open.
_SURE, _OPEN_FROM, _OPEN_TO = 600, 200, 800
_FAR = 100


_NEAR_NAMES = {away: [f"at{away}_chance"] for away in _NEAR}
_WINDOW_NAMES = [
    *(f"within{reach}_chance" for reach in _WINDOWS),
    *(f"{side}{reach}_chance" for side in ("before", "after") for reach in _SIDES),
]
_ELEMENT_NAMES = [f"up{level}_{name}" for name in ("chance", "mass") for level in range(LEVELS)]
_GROUP_NAMES = [f"group{level}_chance" for level in range(_GROUP_LEVELS)]
_SHAPE_NAMES = ("shape_chance", "shape_mass", "shape_best")


def context(tree: Structure, chance: Column, words: Column) -> FeatureTable:
    """The features.  `chance` is in thousandths, `words` how many words a block has."""
    weight = np.minimum(words, MOST_WORDS) + 1
    mass = chance * weight
    sums = running(np.array([mass, weight]))
    total_mass = max(int(sums[0, -1]), 1)
    sure = chance >= _SURE
    rows = FeatureRows()
    rows.add_each({"chance": chance})
    beside = Beside(chance[None])
    for away in _NEAR:
        rows.add(_NEAR_NAMES[away], beside.before(away))
    _add_windows(rows, sums)
    _add_elements(rows, tree, sums, total_mass)
    _add_shapes(rows, tree, chance, mass, weight, total_mass)
    rows.add_each(
        {
            "since_sure": since(sure, _FAR),
            "until_sure": until(sure, _FAR),
            "mass_before": sums[0, :-1] * 1000 // total_mass,
        }
    )
    _add_page(rows, chance, mass, weight, int(np.count_nonzero(sure)))
    return rows.table()


def _add_windows(rows: FeatureRows, sums: Column) -> None:
    """The mean chance around a block, and of what stands before it and after it."""
    windows = WindowSums(sums, max(_WINDOWS))
    before, after = sums[:, :-1], sums[:, 1:]
    around = [windows.within(reach) for reach in _WINDOWS]
    around += [before - windows.upto(-reach) for reach in _SIDES]
    around += [windows.upto(reach + 1) - after for reach in _SIDES]
    mass, weight = np.array(around).transpose(1, 0, 2)
    rows.add(_WINDOW_NAMES, mass // np.maximum(weight, 1))


def _add_elements(rows: FeatureRows, tree: Structure, sums: Column, total_mass: int) -> None:
    """How the elements around a block, and groups of their like, were judged on the whole."""
    held = sums.take(tree.last, axis=1) - sums.take(tree.first, axis=1)
    mass, weight = held
    said = np.array([mass // np.maximum(weight, 1), mass * 1000 // total_mass])
    rows.add(_ELEMENT_NAMES, said.take(tree.up.ravel(), axis=1).reshape(-1, tree.up.shape[1]))
    mass, weight = by_key(tree.group, held, int(tree.group.max()) + 1)
    means = mass // np.maximum(weight, 1)
    rows.add(_GROUP_NAMES, means.take(tree.group.take(tree.up[:_GROUP_LEVELS])))


def _add_shapes(
    rows: FeatureRows, tree: Structure, chance: Column, mass: Column, weight: Column, total: int
) -> None:
    """How blocks of the same shape were judged; `total` is the mass of all."""
    kinds = int(tree.shape.max()) + 1
    said = np.zeros((len(_SHAPE_NAMES), kinds), dtype=np.int64)
    mass, weight = by_key(tree.shape, np.array([mass, weight]), kinds)
    said[0] = mass // weight
    said[1] = mass * 1000 // total
    np.maximum.at(said[2], tree.shape, chance)
    rows.add(_SHAPE_NAMES, said.take(tree.shape, axis=1))


def _add_page(rows: FeatureRows, chance: Column, mass: Column, weight: Column, sure: int) -> None:
    """The place of a block in the order of chances, and how a page's text would best be chosen."""
    order = (-chance).argsort(kind="stable")
    hits, chosen = running(np.array([mass, weight]).take(order, axis=1))
    total, expected = int(chosen[-1]), int(hits[-1]) // 1000
    rank = np.empty_like(chance)
    rank[order] = chosen[:-1] * 1000 // total
    score = 2000 * (hits[1:] // 1000) // (chosen[1:] + expected + 1)
    best = int(score.argmax())
    bound = int(chance[order[best]])
    is_open = (chance > _OPEN_FROM) & (chance < _OPEN_TO)
    numbers = {
        "best_score": int(score[best]),
        "bound": bound,
        "chosen_share": int(chosen[best + 1]) * 1000 // total,
        "chosen_words": min(int(chosen[best + 1]), 20_000),
        "mean_chance": int(hits[-1]) // total,
        "sure_blocks": min(sure, 1_000),
        "open_share": int(weight[is_open].sum()) * 1000 // total,
    }
    rows.add(list(numbers), np.array([*numbers.values()])[:, None].repeat(len(chance), axis=1))
    rows.add_each({"rank": rank, "over_bound": chance - bound})
