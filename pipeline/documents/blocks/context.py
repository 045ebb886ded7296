"""Second-stage features: what the first stage found of a block, of its surroundings and its like.

The first stage judges each block for itself; here a block sees how those before and after it,
those in the same elements and those of the same shape were judged, and how sure the page is.
"""

from __future__ import annotations

import numpy as np

from pipeline.documents.blocks.numbers import Beside, Column, by_key, running, since, until, windows
from pipeline.documents.blocks.structure import Structure

#: Words of a block beyond these do not count: one long block must not outweigh a page.
MOST_WORDS = 300
_NEAR = (1, 2, 3, -1, -2, -3)
_WINDOWS = (2, 4, 8, 20, 50)
_SIDES = (3, 10, 30)
_GROUP_LEVELS = 6
#: Thousandths from which a block is surely text; between the other two it is open.
_SURE, _OPEN_FROM, _OPEN_TO = 600, 200, 800
_FAR = 100


def context(tree: Structure, chance: Column, words: Column) -> dict[str, Column]:
    """Columns by name.  `chance` is in thousandths, `words` how many words a block has."""
    weight = np.minimum(words, MOST_WORDS) + 1
    mass = chance * weight
    masses, weights = running(mass), running(weight)
    total_mass = max(int(masses[-1]), 1)
    sure = chance >= _SURE
    named = {"chance": chance}
    beside = Beside(chance)
    named |= {f"at{away}_chance": beside.before(away) for away in _NEAR}
    named |= _windows(len(chance), masses, weights)
    named |= _elements(tree, masses, weights, total_mass)
    named |= _shapes(tree, chance, mass, weight, total_mass)
    named["since_sure"] = since(sure, _FAR)
    named["until_sure"] = until(sure, _FAR)
    named["mass_before"] = masses[:-1] * 1000 // total_mass
    named |= _page(chance, mass, weight, int(sure.sum()))
    return named


def _windows(blocks: int, masses: Column, weights: Column) -> dict[str, Column]:
    begin, end = windows(blocks, _WINDOWS)
    within = (masses[end] - masses[begin]) // (weights[end] - weights[begin])
    begin, end = windows(blocks, _SIDES)
    left, right = weights[:-1] - weights[begin], weights[end] - weights[1:]
    before = (masses[:-1] - masses[begin]) // np.maximum(left, 1)
    after = (masses[end] - masses[1:]) // np.maximum(right, 1)
    return {
        f"{side}{reach}_chance": column
        for side, reaches, rows in (
            ("within", _WINDOWS, within),
            ("before", _SIDES, before),
            ("after", _SIDES, after),
        )
        for reach, column in zip(reaches, rows, strict=True)
    }


def _elements(
    tree: Structure, masses: Column, weights: Column, total_mass: int
) -> dict[str, Column]:
    """How the elements around a block, and groups of their like, were judged on the whole."""
    mass = masses[tree.last] - masses[tree.first]
    weight = weights[tree.last] - weights[tree.first]
    mean, share = mass // np.maximum(weight, 1), mass * 1000 // total_mass
    named = {f"up{level}_chance": column for level, column in enumerate(mean[tree.up])}
    named |= {f"up{level}_mass": column for level, column in enumerate(share[tree.up])}
    groups = int(tree.group.max()) + 1
    group_weight = by_key(tree.group, weight, groups)
    group_mean = by_key(tree.group, mass, groups) // np.maximum(group_weight, 1)
    means = group_mean[tree.group[tree.up[:_GROUP_LEVELS]]]
    return named | {f"group{level}_chance": column for level, column in enumerate(means)}


def _shapes(
    tree: Structure, chance: Column, mass: Column, weight: Column, total_mass: int
) -> dict[str, Column]:
    kinds = int(tree.shape.max()) + 1
    shape_mass = by_key(tree.shape, mass, kinds)
    best = np.zeros(kinds, dtype=np.int64)
    np.maximum.at(best, tree.shape, chance)
    return {
        "shape_chance": (shape_mass // by_key(tree.shape, weight, kinds))[tree.shape],
        "shape_mass": (shape_mass * 1000 // total_mass)[tree.shape],
        "shape_best": best[tree.shape],
    }


def _page(chance: Column, mass: Column, weight: Column, sure: int) -> dict[str, Column]:
    """The place of a block in the order of chances, and how a page's text would best be chosen."""
    order = np.argsort(-chance, kind="stable")
    chosen = running(weight[order])
    total, expected = int(chosen[-1]), int(mass.sum()) // 1000
    rank = np.empty_like(chance)
    rank[order] = chosen[:-1] * 1000 // total
    hits = np.cumsum(mass[order]) // 1000
    score = 2000 * hits // (chosen[1:] + expected + 1)
    best = int(np.argmax(score))
    bound = int(chance[order[best]])
    is_open = (chance > _OPEN_FROM) & (chance < _OPEN_TO)
    numbers = {
        "best_score": int(score[best]),
        "bound": bound,
        "chosen_share": int(chosen[best + 1]) * 1000 // total,
        "chosen_words": min(int(chosen[best + 1]), 20_000),
        "mean_chance": int(mass.sum()) // total,
        "sure_blocks": min(sure, 1_000),
        "open_share": int(weight[is_open].sum()) * 1000 // total,
    }
    named = {name: np.full(len(chance), value) for name, value in numbers.items()}
    return named | {"rank": rank, "over_bound": chance - bound}
