"""First-stage features: what a block is and where it lies, whole numbers, all blocks at once.

`features` gives a column a feature by its name; a model lists the names that it wants.  A column
has an entry a block and fits in 16 bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.documents.blocks import tags, told
from pipeline.documents.blocks.containers import containers, page
from pipeline.documents.blocks.hiding import FOLDED, HIDDEN
from pipeline.documents.blocks.layout import Layout
from pipeline.documents.blocks.letters import count
from pipeline.documents.blocks.lexicon import WordWeights
from pipeline.documents.blocks.names import FAMILY
from pipeline.documents.blocks.neighbours import neighbours
from pipeline.documents.blocks.numbers import Column, between, running, thousandths, windows
from pipeline.documents.blocks.structure import Structure
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
    link_chars: Column
    links: Column  # thousandths of the characters that are in links
    running: Column  # characters of blocks of running text, 0 of others
    names: Column  # the lexicon's weight of the names around a block
    words: Column  # and of its words


def basics(layout: Layout, tree: Structure, lexicon: WordWeights) -> Basics:
    """Counts the letters of all blocks, and weighs their words."""
    letters = count(layout.text)
    chars = letters["chars"]
    link_chars = np.minimum(np.array(layout.link_chars, dtype=np.int64), chars)
    links = thousandths(link_chars, chars)
    is_running = (
        (chars >= _RUNNING_CHARS)
        & (links < _RUNNING_LINKS)
        & (letters["stops"] + letters["commas"] > 0)
        & ((tree.hidden & HIDDEN) == 0)
    )
    return Basics(
        letters=letters,
        link_chars=link_chars,
        links=links,
        running=np.where(is_running, chars, 0),
        names=_name_weights(layout, tree),
        words=np.array([lexicon.score(text) for text in layout.text], dtype=np.int64),
    )


def features(layout: Layout, tree: Structure, basics: Basics, head: Head) -> dict[str, Column]:
    """All first-stage features of a page's blocks."""
    named = _text(layout, basics)
    named |= _element(layout, tree, basics)
    named |= _copies(layout, basics)
    named["titled"] = told.titled(layout.text, head)
    named["told"] = told.told(layout.text, head)
    named |= containers(layout, tree, basics)
    named |= neighbours(layout, tree, basics)
    whole = page(layout, tree, basics) | told.kinds(head)
    same = np.repeat(np.array(list(whole.values()))[:, None], len(layout.text), axis=1)
    return named | {f"page_{name}": column for name, column in zip(whole, same, strict=True)}


def _name_weights(layout: Layout, tree: Structure) -> Column:
    """Weights of the names of a block's element, of the two around it, and of all further out."""
    own = np.array(layout.own_score, dtype=np.int64)
    near = np.array(layout.near_score, dtype=np.int64)
    weights: Column = own[tree.up[0]] + near[tree.up[1]] + near[tree.up[2]]
    weights += np.array(layout.far_score, dtype=np.int64)[tree.up[3]]
    return between(weights, -3_000, 3_000)


def _text(layout: Layout, basics: Basics) -> dict[str, Column]:
    counted = basics.letters
    chars, words = counted["chars"], counted["words"]
    shares = thousandths(np.array([counted[name] for name in _SHARES]), chars)
    return {
        "chars": np.minimum(chars, 3_000),
        "words": np.minimum(words, 500),
        "links": basics.links,
        "link_count": np.minimum(np.array(layout.links, dtype=np.int64), 30),
        "stops": np.minimum(counted["stops"], 40),
        "commas": np.minimum(counted["commas"], 40),
        **{f"{name}_share": column for name, column in zip(_SHARES, shares, strict=True)},
        "word_length": np.minimum(chars * 10 // words, 1_000),
        "end": counted["end"],
        "breaks": np.minimum(np.array(layout.breaks, dtype=np.int64), 20),
        "name_weight": basics.names,
        "word_weight": between(basics.words, -2_000, 2_000),
    }  # fmt: skip


def _element(layout: Layout, tree: Structure, basics: Basics) -> dict[str, Column]:
    owner, around, further = tree.up[0], tree.up[1], tree.up[2]
    inner = tree.inner
    short = basics.letters["chars"] < _INNER_CHARS
    named = {
        "tag": tree.tag[owner],
        "tag_around": tree.tag[around],
        "tag_further": tree.tag[further],
        "depth": np.minimum(tree.depth[owner], 200),
        "nth": np.minimum(np.array(layout.nth, dtype=np.int64)[owner], 40),
        "siblings": np.minimum(np.bincount(tree.above[1:], minlength=len(tree.tag))[around], 60),
        "linked": np.array(layout.linked, dtype=np.int64)[owner],
        "code": tree.code.astype(np.int64),
        "hidden": tree.hidden & (HIDDEN | FOLDED),
        "aria_hidden": tree.hidden >> 1 & 3,
    }
    own_families = tree.families[owner] | np.where(short, inner, 0)
    near_families = tree.families[around] | tree.families[further]
    for where, listed, families in (
        ("own", _OWN, own_families),
        ("around", _AROUND, near_families),
        ("further", _FURTHER, tree.families_above),
    ):
        named |= _flags(families, {f"{where}_{family}": FAMILY[family] for family in listed})
    return named | _flags(tree.telling, {f"in_{tag}": tags.BIT[tag] for tag in tags.TELLING})


def _flags(bits: Column, masks: dict[str, int]) -> dict[str, Column]:
    """For each mask a column: 1 where `bits` has any of its bits."""
    wanted = np.array(list(masks.values()))[:, None]
    return dict(zip(masks, (bits & wanted != 0).astype(np.int64), strict=True))


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
    copied = running(np.where(first != places, chars, 0))
    so_far = running(chars)
    (begin,), (end,) = windows(len(chars), [_COPIED_AROUND])
    return {
        "copies": np.minimum(np.bincount(first, minlength=len(first))[first], 10),
        "is_copy": (first != places).astype(np.int64),
        "begun_before": np.where(chars > _COPY_CHARS, begun != places, 0).astype(np.int64),
        "copied_around": thousandths(copied[end] - copied[begin], so_far[end] - so_far[begin]),
    }
