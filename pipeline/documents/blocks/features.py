"""First-stage features: what a block is and where it lies, whole numbers, all blocks at once.

`features` gives a row a feature by its name; a model lists the names that it wants.  A row
has an entry a block and fits in 16 bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.documents.blocks import tags, told
from pipeline.documents.blocks.containers import add_containers, page
from pipeline.documents.blocks.hiding import FOLDED, HIDDEN
from pipeline.documents.blocks.layout import Layout
from pipeline.documents.blocks.letters import count
from pipeline.documents.blocks.lexicon import WordWeights
from pipeline.documents.blocks.names import FAMILY
from pipeline.documents.blocks.neighbours import add_neighbours
from pipeline.documents.blocks.numbers import (
    Chosen,
    Column,
    WindowSums,
    between,
    running,
    thousandths,
)
from pipeline.documents.blocks.structure import Structure
from pipeline.documents.blocks.table import FeatureRows, FeatureTable
from pipeline.documents.head import Head

#: Families that have a feature of their own: of the block's own element (and, of a short block,
#: of inline ones in it), of the two around it, of all further out.
_OWN = ("author", "meta", "caption", "legend", "button", "tag", "review", "quote")
_AROUND = ("nav", "comment", "related", "author", "content", "article", "post", "form", "toc",
           "review", "fold", "quote")  # fmt: skip
_FURTHER = ("nav", "head", "foot", "cookie", "related", "comment", "modal", "article", "post")
_INNER_CHARS = 120
#: Classes of characters whose share of a block is a feature.
_SHARES = ("digits", "capitals", "symbols", "quotes", "stops", "letters", "ideographs")
#: Running text: a block of so many characters, with few links, and punctuation.
_RUNNING_CHARS, _RUNNING_LINKS = 60, 330
#: A copy of a block is told by this many characters at its start.
_COPY_CHARS = 40
_COPIED_AROUND = 4


@dataclass(frozen=True, slots=True)
class Basics:
    """Columns that other features are made of."""

    letters: dict[str, Column]
    links: Column  # thousandths of the characters that are in links
    running: Column  # characters of blocks of running text, 0 of others
    names: Column  # the lexicon's weight of the names around a block
    words: Column  # and of its words
    #: `numbers.running` of characters, those in links, of running text, and of its blocks.
    sums: Column


def basics(layout: Layout, tree: Structure, lexicon: WordWeights) -> Basics:
    """Counts the letters of all blocks, and weighs their words."""
    letters = count(layout.text)
    chars = letters["chars"]
    links = thousandths(tree.link_chars, chars)
    is_running = (
        (chars >= _RUNNING_CHARS)
        & (links < _RUNNING_LINKS)
        & (letters["stops"] + letters["commas"] > 0)
        & ((tree.hidden & HIDDEN) == 0)
    )
    running_chars = chars * is_running
    return Basics(
        letters=letters,
        links=links,
        running=running_chars,
        names=_name_weights(layout, tree),
        words=np.array(lexicon.scores(layout.text), dtype=np.int64),
        sums=running(np.array([chars, tree.link_chars, running_chars, is_running])),
    )


def features(layout: Layout, tree: Structure, basics: Basics, head: Head) -> FeatureTable:
    """All first-stage features of a page's blocks."""
    rows = FeatureRows()
    _add_text(rows, layout, basics)
    _add_element(rows, layout, tree, basics)
    rows.add_each(_copies(layout, basics))
    rows.add_each({"titled": told.titled(layout.text, head), "told": told.told(layout.text, head)})
    add_containers(rows, layout, tree, basics)
    add_neighbours(rows, tree, basics)
    whole = page(layout, tree, basics) | told.kinds(head)
    same = np.array(list(whole.values()))[:, None].repeat(len(layout.text), axis=1)
    rows.add([f"page_{name}" for name in whole], same)
    return rows.table()


def _name_weights(layout: Layout, tree: Structure) -> Column:
    """Weights of the names of a block's element, of the two around it, and of all further out."""
    own = np.array(layout.own_score, dtype=np.int64)
    near = np.array(layout.near_score, dtype=np.int64)
    weights: Column = own.take(tree.up[0]) + near.take(tree.up[1:3]).sum(axis=0)
    weights += np.array(layout.far_score, dtype=np.int64).take(tree.up[3])
    return between(weights, -3_000, 3_000)


_SHARE_NAMES = [f"{name}_share" for name in _SHARES]


def _add_text(rows: FeatureRows, layout: Layout, basics: Basics) -> None:
    counted = basics.letters
    chars, words = counted["chars"], counted["words"]
    rows.add_each(
        {
            "chars": np.minimum(chars, 3_000),
            "words": np.minimum(words, 500),
            "links": basics.links,
            "link_count": np.minimum(np.array(layout.links, dtype=np.int64), 30),
            "stops": np.minimum(counted["stops"], 40),
            "commas": np.minimum(counted["commas"], 40),
        }
    )
    rows.add(_SHARE_NAMES, thousandths(np.array([counted[name] for name in _SHARES]), chars))
    rows.add_each(
        {
            "word_length": np.minimum(chars * 10 // words, 1_000),
            "end": counted["end"],
            "breaks": np.minimum(np.array(layout.breaks, dtype=np.int64), 20),
            "name_weight": basics.names,
            "word_weight": between(basics.words, -2_000, 2_000),
        }
    )


class _Flags:
    """Whether bits have any of some masks, each a feature."""

    def __init__(self, masks: dict[str, int]) -> None:
        self.names = list(masks)
        self._masks = np.array(list(masks.values()))[:, None]

    def of(self, bits: Column) -> Chosen:
        """Whether each has, a row a mask."""
        found: Chosen = bits & self._masks != 0
        return found


_OWN_FLAGS, _AROUND_FLAGS, _FURTHER_FLAGS = (
    _Flags({f"{where}_{family}": FAMILY[family] for family in listed})
    for where, listed in (("own", _OWN), ("around", _AROUND), ("further", _FURTHER))
)
_TELLING_FLAGS = _Flags({f"in_{tag}": tags.BIT[tag] for tag in tags.TELLING})
_TAG_NAMES = ("tag", "tag_around", "tag_further")


def _add_element(rows: FeatureRows, layout: Layout, tree: Structure, basics: Basics) -> None:
    owner, around, further = tree.up[0], tree.up[1], tree.up[2]
    short = basics.letters["chars"] < _INNER_CHARS
    rows.add(_TAG_NAMES, tree.tag.take(tree.up[:3]))
    siblings = np.bincount(tree.above[1:], minlength=len(tree.tag))
    rows.add_each(
        {
            "depth": np.minimum(tree.depth.take(owner), 200),
            "nth": np.minimum(np.array(layout.nth, dtype=np.int64).take(owner), 40),
            "siblings": np.minimum(siblings.take(around), 60),
            "linked": np.array(layout.linked, dtype=np.int8).take(owner),
            "code": tree.code.view(np.int8),
            "hidden": tree.hidden & (HIDDEN | FOLDED),
            "aria_hidden": tree.hidden >> 1 & 3,
        }
    )
    own, near = tree.families.take(owner) | tree.inner * short, tree.families.take(around)
    near |= tree.families.take(further)
    rows.add(_OWN_FLAGS.names, _OWN_FLAGS.of(own))
    rows.add(_AROUND_FLAGS.names, _AROUND_FLAGS.of(near))
    rows.add(_FURTHER_FLAGS.names, _FURTHER_FLAGS.of(tree.families_above))
    rows.add(_TELLING_FLAGS.names, _TELLING_FLAGS.of(tree.telling))


def _copies(layout: Layout, basics: Basics) -> dict[str, Column]:
    """How often a text stands on the page, whether it stood there before, and so around it."""
    chars = basics.letters["chars"]
    places = np.arange(len(chars))
    whole: dict[str, int] = {}
    first = np.array([whole.setdefault(text, i) for i, text in enumerate(layout.text)])
    starts: dict[str, int] = {}
    begun = np.array(
        [starts.setdefault(text[:_COPY_CHARS], i) for i, text in enumerate(layout.text)]
    )
    copied = first != places
    sums = np.array([running(chars * copied), basics.sums[0]])
    around, all_around = WindowSums(sums, _COPIED_AROUND).within(_COPIED_AROUND)
    return {
        "copies": np.minimum(np.bincount(first).take(first), 10),
        "is_copy": copied.view(np.int8),
        "begun_before": (begun != places) & (chars > _COPY_CHARS),
        "copied_around": thousandths(around, all_around),
    }
