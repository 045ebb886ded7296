"""Features of the elements that hold a block, of like elements beside them, and of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.documents.blocks import tags
from pipeline.documents.blocks.hiding import HIDDEN
from pipeline.documents.blocks.layout import Layout
from pipeline.documents.blocks.names import FAMILY
from pipeline.documents.blocks.numbers import between, by_key, thousandths
from pipeline.documents.blocks.structure import LEVELS, Structure, nearest, totals
from pipeline.documents.blocks.table import FeatureRows
from pipeline.documents.blocks.tagged import tagged

if TYPE_CHECKING:
    from pipeline.documents.blocks.features import Basics

#: Names and elements that say "this is not the text", and "this is".
_FURNITURE = ("nav", "foot", "side", "related", "share", "ad", "news", "login", "cookie", "modal",
              "crumb", "form", "comment")  # fmt: skip
_FURNITURE_TAGS = ("nav", "footer", "aside")
_MAIN = ("content", "article", "post")
_MAIN_TAGS = ("article", "main")
_FAR = 100
#: Levels whose groups have features of their own.
_OWN_GROUPS = 5


_HELD = ("share", "running", "links", "prose", "blocks")
_HELD_NAMES = [f"up{level}_{name}" for name in _HELD for level in range(LEVELS)]
_TAG_LEVELS, _IMAGE_LEVELS = slice(3, 6), slice(1, 5)
_TAG_NAMES = [f"up{level}_tag" for level in range(LEVELS)[_TAG_LEVELS]]
_IMAGE_NAMES = [f"up{level}_images" for level in range(LEVELS)[_IMAGE_LEVELS]]
_MOST_IMAGES = 30


def add_containers(rows: FeatureRows, layout: Layout, tree: Structure, basics: Basics) -> None:
    """Features of the elements around a block and their like."""
    held = _Held(tree, basics)
    rows.add(_HELD_NAMES, held.columns.take(tree.up.ravel(), axis=1).reshape(-1, tree.up.shape[1]))
    rows.add(_TAG_NAMES, tree.tag.take(tree.up[_TAG_LEVELS]))
    images = np.bincount(np.array(layout.images, dtype=np.int64), minlength=len(tree.tag))
    images = np.minimum(totals(images, tree.above), _MOST_IMAGES)
    rows.add(_IMAGE_NAMES, images.take(tree.up[_IMAGE_LEVELS]))
    _add_telling(rows, tree, held)
    _add_dominant(rows, tree, held)
    _add_shapes(rows, tree, basics, held)
    _add_groups(rows, tree, held)


class _Held:
    """What each element holds: characters, those in links, of running text; blocks."""

    def __init__(self, tree: Structure, basics: Basics) -> None:
        sums = basics.sums
        self.total = max(int(sums[0, -1]), 1)
        self.total_running = max(int(sums[2, -1]), 1)
        held = sums.take(tree.last, axis=1) - sums.take(tree.first, axis=1)
        self.chars, self.link_chars, self.running = held[:3]
        self.blocks = tree.last - tree.first
        #: Its features by element, `_HELD`.
        self.columns = np.empty((len(_HELD), len(self.blocks)), dtype=np.int64)
        wholes = np.empty_like(self.columns[:-1])
        wholes[0], wholes[1], wholes[2:] = self.total, self.total_running, self.chars
        self.columns[:-1] = thousandths(held.take(_PARTS, axis=0), wholes)
        self.columns[-1] = np.minimum(self.blocks, 200)
        _, self.running_share, self.links, _, _ = self.columns


#: Characters, running text, links, and running text again, for `_HELD`.
_PARTS = np.array([0, 2, 1, 2])
_SIDES = ("against", "for")
_TELLING_NAMES = [
    f"{side}_{name}" for name in ("running", "links", "blocks", "distance") for side in _SIDES
]
#: What is said where there is no such element.
_NOT_THERE = np.array([-1, -1, -1, 50])[:, None]
_TELLING_COLUMNS = np.array([_HELD.index(name) for name in ("running", "links", "blocks")])
_SIDE_FAMILIES = np.array(
    [sum(FAMILY[family] for family in families) for families in (_FURNITURE, _MAIN)]
)[:, None]
_SIDE_TAGS = np.array([tagged(*elements) for elements in (_FURNITURE_TAGS, _MAIN_TAGS)])


def _add_telling(rows: FeatureRows, tree: Structure, held: _Held) -> None:
    """The nearest element whose names or tag speak for or against its text."""
    elements, blocks = len(tree.tag), len(tree.owner)
    marked = (tree.families & _SIDE_FAMILIES != 0) | _SIDE_TAGS.take(tree.tag, axis=1)
    marked[:, :2] = False  # names of <html> and <body> are of the whole page
    # Both are looked for at once, as if the page stood there twice.
    near = nearest(marked.ravel(), np.concatenate([tree.above, tree.above + elements]))
    near = near.take(np.concatenate([tree.owner, tree.owner + elements]))
    at = near % elements  # of -1 the last, which is not used
    depth = tree.depth.take(tree.owner)
    said = np.empty((len(_NOT_THERE), 2 * blocks), dtype=np.int64)
    said[:-1] = held.columns.take(_TELLING_COLUMNS, axis=0).take(at, axis=1)
    said[-1] = np.concatenate([depth, depth]) - tree.depth.take(at)
    said = np.where(near >= 0, said, _NOT_THERE)
    rows.add(_TELLING_NAMES, said.reshape(-1, blocks))


#: The smallest element that holds this many thousandths of the running text, or (the last) of the
#: text outside links.
_DOMINANT_NAMES = ("running_half_off", "running_most_off", "unlinked_off")
_DOMINANT_SHARES = np.array([500, 700, 600])[:, None]


def _add_dominant(rows: FeatureRows, tree: Structure, held: _Held) -> None:
    """Where a block lies against the smallest element that holds most of the text.

    Half and most of the running text, and most of the text outside links.
    """
    unlinked = held.chars - held.link_chars
    parts = np.array([held.running, held.running, unlinked])
    running = held.total_running
    wholes = np.array([[running], [running], [max(int(unlinked[0]), 1)]])
    enough = (parts * 1000 >= _DOMINANT_SHARES * wholes) & (held.blocks > 0)
    backwards = enough[:, ::-1].argmax(axis=1)  # the innermost comes last
    element = np.where(enough.any(axis=1), enough.shape[1] - 1 - backwards, 0)
    places = np.arange(len(tree.owner))
    first, last = tree.first[element][:, None], tree.last[element][:, None]
    before = places - first
    side = np.where(before < 0, before, np.maximum(places - last + 1, 0))
    rows.add(_DOMINANT_NAMES, between(side, -_FAR, _FAR))
    half = int(element[0])
    rows.add_each(
        {
            "running_half_links": np.full(len(places), int(held.links[half])),
            "running_half_blocks": np.full(len(places), min(int(held.blocks[half]), 500)),
            "running_half_depth": tree.depth.take(tree.owner) - int(tree.depth[half]),
        }
    )


_SHAPE_NAMES = ("shape_blocks", "shape_chars", "shape_links", "shape_share", "shape_running")


def _add_shapes(rows: FeatureRows, tree: Structure, basics: Basics, held: _Held) -> None:
    """Blocks of the same shape: how many, how long, how much of the page."""
    shape = tree.shape
    blocks = np.bincount(shape)
    kinds = len(blocks)
    values = np.array([tree.link_chars, basics.letters["chars"], basics.running])
    parts = by_key(shape, values, kinds)
    wholes = np.empty_like(parts)
    wholes[0], wholes[1], wholes[2] = parts[1], held.total, held.total_running
    said = np.empty((len(_SHAPE_NAMES), kinds), dtype=np.int64)
    said[0] = np.minimum(blocks, 100)
    said[1] = np.minimum(parts[1] // blocks, 2_000)
    said[2:] = thousandths(parts, wholes)
    rows.add(_SHAPE_NAMES, said.take(shape, axis=1))


_GROUP_NAMES = [
    f"group{level}_{name}" for name in ("members", "share") for level in range(_OWN_GROUPS)
]


def _add_groups(rows: FeatureRows, tree: Structure, held: _Held) -> None:
    """Like siblings of the elements around a block; of all levels, those with most running text."""
    group = tree.group
    members = np.bincount(group)
    sums = by_key(group, np.array([held.chars, held.running, held.running > 0]), len(members))
    chars, prose, with_prose = sums
    of = group.take(tree.up)
    said = np.array([np.minimum(members, 50), thousandths(chars, held.total)])
    own = of[:_OWN_GROUPS]
    rows.add(_GROUP_NAMES, said.take(own.ravel(), axis=1).reshape(-1, own.shape[1]))
    repeated = (prose * (with_prose >= 2)).take(of)
    level = repeated.argmax(axis=0)  # the innermost of those with as much
    most = level, np.arange(len(level))
    found = repeated[most]
    there = found > 0
    rows.add_each(
        {
            "repeated_members": np.minimum(with_prose.take(of[most]), 50) * there,
            "repeated_running": thousandths(found, held.total_running),
            "repeated_size": np.minimum(held.running.take(tree.up[most]), 3_000) * there,
            "repeated_level": level * there,
        }
    )


def page(layout: Layout, tree: Structure, basics: Basics) -> dict[str, int]:
    """Numbers about the whole page."""
    chars, link_chars, running_chars, running_blocks = basics.sums[:, -1].tolist()
    blocks, total = len(tree.owner), max(chars, 1)
    families = tree.families.take(tree.owner)
    tag_counts = np.bincount(tree.tag, minlength=tags.TAGS).tolist()
    return {
        "blocks": min(blocks, 1_500),
        "chars": min(total // 4, 25_000),
        "mean_chars": min(total // blocks, 800),
        "prose": running_chars * 1000 // total,
        "running_blocks": min(running_blocks, 300),
        "longest": min(int(basics.running.max()), 3_000),
        "links": link_chars * 1000 // total,
        "hidden": np.count_nonzero(tree.hidden & HIDDEN) * 1000 // blocks,
        "code": min(len(layout.code) - layout.code.count(-1), 200),
        "images": min(len(layout.images), 200),
        "headings": min(sum(tag_counts[number] for number in tags.HEADINGS), 80),
        **{
            tag: min(tag_counts[tags.NUMBER[tag]], 300)
            for tag in ("article", "li", "p", "tr", "form")
        },
        "posts": min(np.count_nonzero(families & FAMILY["post"]), 150),
        "products": min(np.count_nonzero(families & FAMILY["product"]), 150),
        "comments": np.count_nonzero(tree.families_above & FAMILY["comment"]) * 1000 // blocks,
    }
