"""Features of what stands before and after a block: its neighbours, windows, headings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.documents.blocks import tags
from pipeline.documents.blocks.numbers import (
    Beside,
    Column,
    WindowSums,
    between,
    running,
    since,
    thousandths,
    until,
)
from pipeline.documents.blocks.structure import Structure
from pipeline.documents.blocks.table import FeatureRows

if TYPE_CHECKING:
    from pipeline.documents.blocks.features import Basics

#: Places before (positive) and after that are looked at one by one; of the nearer ones weights too.
_NEAR, _NEARER = (1, 2, 3, -1, -2, -3), (1, 2, -1, -2)
_WINDOWS, _WEIGHT_WINDOWS = (2, 5, 12, 30), (4, 15)
_FAR = 100
_NO_HEADING = 200

_BESIDE = {
    away: [f"at{away}_{name}" for name in ("chars", "links", "tag", "end")] for away in _NEAR
}
_WEIGHTS_BESIDE = {
    away: [f"at{away}_{name}" for name in ("name_weight", "word_weight")] for away in _NEARER
}
_WITHIN = [f"within{reach}_{name}" for name in ("links", "prose", "chars") for reach in _WINDOWS]
_SIZES = 2 * np.array(_WINDOWS)[:, None] + 1
_WEIGHTS_WITHIN = [
    f"within{reach}_{name}" for reach in _WEIGHT_WINDOWS for name in ("name_weight", "word_weight")
]
_LEVELS = np.array([tags.HEADINGS.get(number, 0) for number in range(tags.TAGS)])
_HEADING = ("heading_level", "heading_name_weight", "heading_word_weight")


def add_neighbours(rows: FeatureRows, tree: Structure, basics: Basics) -> None:
    """Features of the places around a block."""
    tag = tree.tag.take(tree.owner)
    rows.add_each(_position(basics))
    _add_beside(rows, tree, basics, tag)
    _add_windows(rows, basics)
    _add_headings(rows, tree, basics, tag)


def _position(basics: Basics) -> dict[str, Column]:
    """Where on the page a block stands, by blocks, characters and running text."""
    chars, prose = basics.sums[0], basics.sums[2]
    blocks = len(chars) - 1
    places, is_prose = np.arange(blocks), basics.running > 0
    return {
        "place": places * 1000 // blocks,
        "place_chars": thousandths(chars[:-1], int(chars[-1])),
        "place_running": thousandths(prose[:-1], int(prose[-1])),
        "from_start": np.minimum(places, 400),
        "from_end": np.minimum(places, 400)[::-1],
        "since_running": since(is_prose, _FAR),
        "until_running": until(is_prose, _FAR),
    }


def _add_beside(rows: FeatureRows, tree: Structure, basics: Basics, tag: Column) -> None:
    """What stands at places before and after a block."""
    chars = np.minimum(basics.letters["chars"], 3_000)
    beside = Beside(np.array([chars, basics.links, tag, basics.letters["end"]]))
    for away in _NEAR:
        rows.add(_BESIDE[away], beside.before(away))
    weights = Beside(np.array([basics.names, basics.words]), 0)
    for away in _NEARER:
        rows.add(_WEIGHTS_BESIDE[away], weights.before(away))
    depth = tree.depth.take(tree.owner)
    depths = Beside(depth, 0)
    places = np.array([tree.up[1], tree.up[2], tree.shape])
    alike = Beside(places)
    for away in (1, -1):
        same = (alike.before(away) == places).view(np.int8)
        rows.add_each(
            {
                f"at{away}_beside": same[0] + same[1],
                f"at{away}_shape": same[2],
                f"at{away}_deeper": between(depth - depths.before(away), -200, 200),
            }
        )


def _add_windows(rows: FeatureRows, basics: Basics) -> None:
    """Shares of links and running text, lengths, and weights of words around a block."""
    sums = WindowSums(basics.sums[:3], _WINDOWS[-1])
    around = np.array([sums.within(reach) for reach in _WINDOWS])
    chars = around[:, 0]
    shares = thousandths(around[:, 1:], chars[:, None])
    lengths = np.minimum(chars // _SIZES, 1_500)
    rows.add(_WITHIN, np.concatenate([shares[:, 0], shares[:, 1], lengths]))
    weights = np.array([basics.names, basics.words, np.ones_like(basics.names)])
    sums = WindowSums(running(weights), _WEIGHT_WINDOWS[-1])
    around = np.array([sums.within(reach) for reach in _WEIGHT_WINDOWS])
    rows.add(_WEIGHTS_WITHIN, (around[:, :2] // around[:, 2:]).reshape(-1, len(basics.names)))


def _add_headings(rows: FeatureRows, tree: Structure, basics: Basics, tag: Column) -> None:
    """The heading that a block stands under, and the first <h1> of the page."""
    places = np.arange(len(tag))
    level = _LEVELS.take(tag)
    last = np.maximum.accumulate(np.where(level > 0, places, -1))
    there, at = last >= 0, np.maximum(last, 0)
    holder = tree.above.take(tree.owner.take(at))
    within, around = places < tree.last.take(holder), places < tree.last.take(tree.above[holder])
    said = np.array([level, basics.names, basics.words])
    rows.add(_HEADING, said.take(at, axis=1) * there)
    first = (level == 1).nonzero()[0]
    rows.add_each(
        {
            "heading_since": np.where(there, np.minimum(places - at, _FAR), _NO_HEADING),
            "heading_inside": np.where(within, 2, around) * there,
            "h1_since": between(places - first[0], -60, 200)
            if len(first)
            else np.full(len(tag), -100),
            "h1_count": np.full(len(tag), min(len(first), 5)),
        }
    )
