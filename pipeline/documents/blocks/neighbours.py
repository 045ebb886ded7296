"""Features of what stands before and after a block: its neighbours, windows, headings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from pipeline.documents.blocks import tags
from pipeline.documents.blocks.layout import Layout
from pipeline.documents.blocks.numbers import (
    Beside,
    Column,
    between,
    running,
    since,
    thousandths,
    until,
    windows,
)
from pipeline.documents.blocks.structure import Structure

if TYPE_CHECKING:
    from pipeline.documents.blocks.features import Basics

#: Places before (positive) and after that are looked at one by one, and how far windows reach.
_NEAR = (1, 2, 3, -1, -2, -3)
_WINDOWS = (2, 5, 12, 30)
_WEIGHTS = ("name_weight", "word_weight")
_WEIGHT_WINDOWS = (4, 15)
_FAR = 100
_NO_HEADING = 200


def neighbours(layout: Layout, tree: Structure, basics: Basics) -> dict[str, Column]:
    """Columns about the places around a block."""
    named = _position(basics)
    tag = tree.tag[tree.owner]
    chars = np.minimum(basics.letters["chars"], 3_000)
    columns = {"chars": chars, "links": basics.links, "tag": tag, "end": basics.letters["end"]}
    beside = Beside(np.array(list(columns.values())))
    weights = Beside(np.array([basics.names, basics.words]), 0)
    for away in _NEAR:
        named |= _named(f"at{away}_", columns, beside.before(away))
        if abs(away) < 3:
            named |= _named(f"at{away}_", _WEIGHTS, weights.before(away))
    depth = tree.depth[tree.owner]
    depths = Beside(depth, 0)
    places = np.array([tree.up[1], tree.up[2], tree.shape])
    alike = Beside(places)
    for away in (1, -1):
        same = (alike.before(away) == places).astype(np.int64)
        named[f"at{away}_beside"] = same[0] + same[1]
        named[f"at{away}_shape"] = same[2]
        named[f"at{away}_deeper"] = between(depth - depths.before(away), -200, 200)
    named |= _windows(basics)
    named |= _headings(tree, basics, tag)
    return named


def _named(start: str, names: Iterable[str], columns: Column) -> dict[str, Column]:
    return dict(zip((start + name for name in names), columns, strict=True))


def _position(basics: Basics) -> dict[str, Column]:
    """Where on the page a block stands, by blocks, characters and running text."""
    chars, prose = basics.letters["chars"], basics.running
    blocks = len(chars)
    places = np.arange(blocks)
    return {
        "place": places * 1000 // blocks,
        "place_chars": thousandths(running(chars)[:-1], int(chars.sum())),
        "place_running": thousandths(running(prose)[:-1], int(prose.sum())),
        "from_start": np.minimum(places, 400),
        "from_end": np.minimum(blocks - 1 - places, 400),
        "since_running": since(prose > 0, _FAR),
        "until_running": until(prose > 0, _FAR),
    }


def _windows(basics: Basics) -> dict[str, Column]:
    blocks = len(basics.links)
    chars = running(basics.letters["chars"])
    links, prose = running(basics.link_chars), running(basics.running)
    begin, end = windows(blocks, _WINDOWS)
    total = chars[end] - chars[begin]
    sizes = 2 * np.array(_WINDOWS)[:, None] + 1
    by_reach = {
        "links": thousandths(links[end] - links[begin], total),
        "prose": thousandths(prose[end] - prose[begin], total),
        "chars": np.minimum(total // sizes, 1_500),
    }
    named = _by_reach(_WINDOWS, by_reach)
    names, words = running(basics.names), running(basics.words)
    begin, end = windows(blocks, _WEIGHT_WINDOWS)
    by_reach = {
        "name_weight": (names[end] - names[begin]) // (end - begin),
        "word_weight": (words[end] - words[begin]) // (end - begin),
    }
    return named | _by_reach(_WEIGHT_WINDOWS, by_reach)


def _by_reach(reaches: Iterable[int], columns: dict[str, Column]) -> dict[str, Column]:
    """Columns of windows, given with a row a reach, by their names."""
    return {
        f"within{reach}_{name}": column
        for name, rows in columns.items()
        for reach, column in zip(reaches, rows, strict=True)
    }


def _headings(tree: Structure, basics: Basics, tag: Column) -> dict[str, Column]:
    """The heading that a block stands under, and the first <h1> of the page."""
    places = np.arange(len(tag))
    levels = np.zeros(len(tags.NUMBERED), dtype=np.int64)
    for number, height in tags.HEADINGS.items():
        levels[number] = height
    level = levels[tag]
    last = np.maximum.accumulate(np.where(level > 0, places, -1))
    there, at = last >= 0, np.maximum(last, 0)
    holder = tree.above[tree.owner[at]]
    inside = np.where(places < tree.last[holder], 2, places < tree.last[tree.above[holder]])
    first = np.flatnonzero(level == 1)
    return {
        "heading_since": np.where(there, np.minimum(places - at, _FAR), _NO_HEADING),
        "heading_level": np.where(there, level[at], 0),
        "heading_name_weight": np.where(there, basics.names[at], 0),
        "heading_word_weight": np.where(there, basics.words[at], 0),
        "heading_inside": np.where(there, inside, 0),
        "h1_since": between(places - first[0], -60, 200) if len(first) else np.full(len(tag), -100),
        "h1_count": np.full(len(tag), min(len(first), 5)),
    }
