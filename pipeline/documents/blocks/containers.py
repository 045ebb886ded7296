"""Features of the elements that hold a block, of like elements beside them, and of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.documents.blocks import tags
from pipeline.documents.blocks.hiding import HIDDEN
from pipeline.documents.blocks.layout import Layout
from pipeline.documents.blocks.names import FAMILY
from pipeline.documents.blocks.numbers import Column, between, by_key, running, thousandths
from pipeline.documents.blocks.structure import Structure, nearest, totals

if TYPE_CHECKING:
    from pipeline.documents.blocks.features import Basics

#: Names and elements that say "this is not the text", and "this is".
_FURNITURE = ("nav", "foot", "side", "related", "share", "ad", "news", "login", "cookie", "modal",
              "crumb", "form", "comment")  # fmt: skip
_FURNITURE_TAGS = ("nav", "footer", "aside")
_MAIN = ("content", "article", "post")
_MAIN_TAGS = ("article", "main")
#: The smallest element that holds this many thousandths of the running text, or (the last) of the
#: text outside links.
_DOMINANT = {"half": 500, "most": 700}
_DOMINANT_UNLINKED = 600
_FAR = 100
#: Levels whose groups have features of their own.
_OWN_GROUPS = 5


def containers(layout: Layout, tree: Structure, basics: Basics) -> dict[str, Column]:
    """Columns about the elements around a block and their like."""
    held = _Held(tree, basics)
    images = np.zeros(len(tree.tag), dtype=np.int64)
    np.add.at(images, np.array(layout.images, dtype=np.int64), 1)
    images = np.minimum(totals(images, tree.above), 30)
    named: dict[str, Column] = {}
    columns = held.columns()
    levels = np.array(list(columns.values()))[:, tree.up]
    for name, by_level in zip(columns, levels, strict=True):
        named |= {f"up{level}_{name}": column for level, column in enumerate(by_level)}
    for level, element in enumerate(tree.up):
        if 3 <= level <= 5:
            named[f"up{level}_tag"] = tree.tag[element]
        if 1 <= level <= 4:
            named[f"up{level}_images"] = images[element]
    named |= _telling(tree, held)
    named |= _dominant(tree, held)
    named |= _shapes(tree, basics, held)
    named |= _groups(tree, held)
    return named


class _Held:
    """What each element holds: characters, those in links, of running text; blocks."""

    def __init__(self, tree: Structure, basics: Basics) -> None:
        first, last = tree.first, tree.last
        chars, running_chars = basics.letters["chars"], basics.running
        self.total = max(int(chars.sum()), 1)
        self.total_running = max(int(running_chars.sum()), 1)
        sums = running(chars)
        self.chars = sums[last] - sums[first]
        sums = running(basics.link_chars)
        self.link_chars = sums[last] - sums[first]
        sums = running(running_chars)
        self.running = sums[last] - sums[first]
        sums = running(running_chars > 0)
        self.running_blocks = sums[last] - sums[first]
        self.blocks = last - first
        self.links = thousandths(self.link_chars, self.chars)
        self.running_share = thousandths(self.running, self.total_running)

    def columns(self) -> dict[str, Column]:
        """Its features by element."""
        return {
            "share": thousandths(self.chars, self.total),
            "running": self.running_share,
            "links": self.links,
            "blocks": np.minimum(self.blocks, 200),
            "prose": thousandths(self.running, self.chars),
        }


def _telling(tree: Structure, held: _Held) -> dict[str, Column]:
    """The nearest element whose names or tag speak for or against its text."""
    depth = tree.depth
    named: dict[str, Column] = {}
    for name, families, elements in (
        ("against", _FURNITURE, _FURNITURE_TAGS),
        ("for", _MAIN, _MAIN_TAGS),
    ):
        mask = sum(FAMILY[family] for family in families)
        marked = tree.families & mask != 0
        for tag in elements:
            marked |= tree.tag == tags.NUMBER[tag]
        marked[:2] = False  # names of <html> and <body> are of the whole page
        near = nearest(marked, tree.above)[tree.owner]
        there, at = near >= 0, np.maximum(near, 0)
        named |= {
            f"{name}_running": np.where(there, held.running_share[at], -1),
            f"{name}_links": np.where(there, held.links[at], -1),
            f"{name}_blocks": np.where(there, np.minimum(held.blocks[at], 200), -1),
            f"{name}_distance": np.where(there, depth[tree.owner] - depth[at], 50),
        }
    return named


def _dominant(tree: Structure, held: _Held) -> dict[str, Column]:
    """Where a block lies against the smallest element that holds most of the text."""
    unlinked = held.chars - held.link_chars
    places = np.arange(len(tree.owner))
    named: dict[str, Column] = {}
    for name, part, whole, share in (
        *(("running_" + n, held.running, held.total_running, s) for n, s in _DOMINANT.items()),
        ("unlinked", unlinked, max(int(unlinked[0]), 1), _DOMINANT_UNLINKED),
    ):
        enough = np.flatnonzero((part * 1000 >= share * whole) & (held.blocks > 0))
        element = int(enough[-1]) if len(enough) else 0  # the innermost comes last
        first, last = int(tree.first[element]), int(tree.last[element])
        side = np.where(places < first, places - first, np.maximum(places - last + 1, 0))
        named[f"{name}_off"] = between(side, -_FAR, _FAR)
        if name == "running_half":
            named |= {
                f"{name}_links": np.full(len(places), int(held.links[element])),
                f"{name}_blocks": np.full(len(places), min(int(held.blocks[element]), 500)),
                f"{name}_depth": tree.depth[tree.owner] - int(tree.depth[element]),
            }
    return named


def _shapes(tree: Structure, basics: Basics, held: _Held) -> dict[str, Column]:
    """Blocks of the same shape: how many, how long, how much of the page."""
    shape, chars = tree.shape, basics.letters["chars"]
    kinds = int(shape.max()) + 1
    blocks = np.bincount(shape, minlength=kinds)
    held_chars = by_key(shape, chars, kinds)
    links = by_key(shape, basics.link_chars, kinds)
    prose = by_key(shape, basics.running, kinds)
    return {
        "shape_blocks": np.minimum(blocks, 100)[shape],
        "shape_chars": np.minimum(held_chars // blocks, 2_000)[shape],
        "shape_links": thousandths(links, held_chars)[shape],
        "shape_share": thousandths(held_chars, held.total)[shape],
        "shape_running": thousandths(prose, held.total_running)[shape],
    }


def _groups(tree: Structure, held: _Held) -> dict[str, Column]:
    """Like siblings of the elements around a block; of all levels, those with most running text."""
    group = tree.group
    groups = int(group.max()) + 1
    members = np.bincount(group, minlength=groups)
    chars = by_key(group, held.chars, groups)
    prose = by_key(group, held.running, groups)
    with_prose = by_key(group, (held.running > 0).astype(np.int64), groups)
    of = group[tree.up]
    few, share = np.minimum(members, 50), thousandths(chars, held.total)
    named = {f"group{level}_members": column for level, column in enumerate(few[of[:_OWN_GROUPS]])}
    named |= {f"group{level}_share": column for level, column in enumerate(share[of[:_OWN_GROUPS]])}
    repeated = np.where(with_prose >= 2, prose, 0)[of]
    level = repeated.argmax(axis=0)  # the innermost of those with as much
    most = level, np.arange(len(level))
    there = repeated[most] > 0
    return named | {
        "repeated_members": np.where(there, np.minimum(with_prose[of[most]], 50), 0),
        "repeated_running": thousandths(repeated[most], held.total_running),
        "repeated_size": np.where(there, np.minimum(held.running[tree.up[most]], 3_000), 0),
        "repeated_level": np.where(there, level, 0),
    }


def page(layout: Layout, tree: Structure, basics: Basics) -> dict[str, int]:
    """Numbers about the whole page."""
    chars = basics.letters["chars"]
    blocks, total = len(chars), max(int(chars.sum()), 1)
    families = tree.families[tree.owner]
    tag_counts = np.bincount(tree.tag, minlength=len(tags.NUMBERED))
    headings = sum(int(tag_counts[number]) for number in tags.HEADINGS)
    return {
        "blocks": min(blocks, 1_500),
        "chars": min(total // 4, 25_000),
        "mean_chars": min(total // blocks, 800),
        "prose": int(basics.running.sum()) * 1000 // total,
        "running_blocks": min(int((basics.running > 0).sum()), 300),
        "longest": min(int(basics.running.max()), 3_000),
        "links": int(basics.link_chars.sum()) * 1000 // total,
        "hidden": int((tree.hidden & HIDDEN != 0).sum()) * 1000 // blocks,
        "code": min(sum(code >= 0 for code in layout.code), 200),
        "images": min(len(layout.images), 200),
        "headings": min(headings, 80),
        **{
            tag: min(int(tag_counts[tags.NUMBER[tag]]), 300)
            for tag in ("article", "li", "p", "tr", "form")
        },
        "posts": min(int((families & FAMILY["post"] != 0).sum()), 150),
        "products": min(int((families & FAMILY["product"] != 0).sum()), 150),
        "comments": int((tree.families_above & FAMILY["comment"] != 0).sum()) * 1000 // blocks,
    }
