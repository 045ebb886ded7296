"""Blocks that come with chosen ones: between them, of their kind, above or beside them.

A chance is given to each block alone; here what stands around it decides.
"""

from __future__ import annotations

import re

import numpy as np

from pipeline.documents.blocks import tags
from pipeline.documents.blocks.hiding import HIDDEN, UNSEEN
from pipeline.documents.blocks.layout import WITHIN_PAGE, Layout
from pipeline.documents.blocks.names import FAMILY, POSTS
from pipeline.documents.blocks.numbers import Chosen, Column, members, places_of
from pipeline.documents.blocks.structure import Structure, nearest
from pipeline.documents.blocks.tagged import HEADINGS, tagged

#: The least chance, in thousandths, of blocks that stand between chosen ones, or are like them.
_BETWEEN = 200
#: The least of headings over chosen text, and of posts on a page most of whose posts are chosen.
_HEADING_CHANCE, _POST_CHANCE = 60, 30
#: Blocks of one kind are text when all but one of so many of their words are …
_MOST_OF = 10
#: … or so many of ten of their elements, which have so many words on the mean.
_POSTS_OF_TEN, _POST_WORDS = 6, 8
#: So many are a kind.
_FEWEST = 3
_HEADING_WORDS, _HEADING_CHARS = 25, 3
_ID = re.compile(r"#\S+|\d+")
_BESIDE = FAMILY["side"] | FAMILY["nav"] | FAMILY["foot"] | FAMILY["related"]
_HEADINGS = HEADINGS | tagged("summary")
_FIRST_LEVEL = tags.NUMBER["h1"]
#: Headings of what is no text, though text follows.
_FURNITURE = re.compile(
    r"(?:in this (?:article|section)|on this page|(?:table of )?contents?|related\b.*|share\b.*"
    r"|see more|more (?:from|on|in)\b.*|advertisement|recommended\b.*|you may also\b.*|comments?"
    r"|leave a .*|about the author.*|navigation|menu|subscribe.*|newsletter.*|sign up.*)\W*",
    re.IGNORECASE,
)


def close_gaps(tree: Structure, chance: Column, unlinked: Chosen, chosen: Chosen) -> None:
    """Chooses runs of blocks between two chosen ones, one of which has a parent that holds all."""
    fits = (chance >= _BETWEEN) & unlinked
    places = chosen.nonzero()[0]
    above = tree.above[tree.owner]
    last, following = places[:-1], places[1:]
    within = (following < tree.last[above[last]]) | (last >= tree.first[above[following]])
    gaps = (within & (following - last > 1)).nonzero()[0]
    for before, after in zip(last[gaps].tolist(), following[gaps].tolist(), strict=True):
        if fits[before + 1 : after].all():
            chosen[before + 1 : after] = True


def complete_posts(
    layout: Layout,
    tree: Structure,
    chance: Column,
    words: Column,
    unlinked: Chosen,
    chosen: Chosen,
) -> None:
    """Chooses all blocks of one kind when nearly all their words are: "Thanks, that works."

    Only of elements that are named as posts, themselves or those around them; blocks of one kind
    have elements of the same tag and classes in like ones, whatever their ids are.  A long first
    post must not outweigh ten short answers, so it is enough that most of the elements are chosen.
    """
    own = tree.families
    named = own[tree.up[0]] | own[tree.up[1]] | own[tree.up[2]]
    kinds: dict[tuple[int, str, str], list[int]] = {}
    posts = (named & POSTS != 0) & (tree.families_above & _BESIDE == 0)
    for block in places_of(posts):
        owner = layout.owner[block]
        inner, outer = (
            _ID.sub("", layout.names[element]) for element in (owner, max(layout.parent[owner], 0))
        )
        kinds.setdefault((layout.tag[owner], inner, outer), []).append(block)
    for of_kind in kinds.values():
        blocks = np.array(of_kind)
        fits = blocks[(chance[blocks] >= _BETWEEN) & unlinked[blocks]]
        rest = int(words[fits][~chosen[fits]].sum())
        if chosen[fits].sum() >= _FEWEST and _MOST_OF * rest <= int(words[fits].sum()):
            chosen[fits] = True
        if _most_posts(tree.owner[blocks], words[blocks], chosen[blocks]):
            chosen[blocks[(chance[blocks] >= _POST_CHANCE) & unlinked[blocks]]] = True


def _most_posts(owners: Column, words: Column, chosen: Chosen) -> bool:
    """Whether most of the elements of one kind are chosen, and half of their words."""
    elements, some = len(np.unique(owners)), len(np.unique(owners[chosen]))
    total = int(words.sum())
    return (
        some >= _FEWEST
        and 10 * some >= _POSTS_OF_TEN * elements
        and 2 * int(words[chosen].sum()) >= total >= _POST_WORDS * elements
    )


def add_headings(
    layout: Layout,
    tree: Structure,
    chance: Column,
    words: Column,
    unlinked: Chosen,
    chosen: Chosen,
) -> None:
    """Chooses headings right above chosen text: without them it runs on without its sections.

    One that leads to another page is a teaser, unless others of its level are chosen.
    """
    tag = tree.tag[tree.owner]
    is_heading = _HEADINGS[tag]
    wanted = is_heading & ~chosen & (words <= _HEADING_WORDS) & (chance >= _HEADING_CHANCE)
    wanted[:-1] &= chosen[1:] & ~is_heading[1:]
    wanted[-1:] = False
    wanted &= tree.hidden & (HIDDEN | UNSEEN) == 0
    leads_away = ~unlinked & (tree.inner & WITHIN_PAGE == 0)
    wanted &= ~leads_away | members(tag[chosen & is_heading & leads_away], tags.TAGS)[tag]
    if not (chosen & (tag == _FIRST_LEVEL)).any():
        wanted &= tag != _FIRST_LEVEL  # the title
    for block in places_of(wanted):
        text = layout.text[block]
        chosen[block] = (
            len(text) >= _HEADING_CHARS
            and any(map(str.isalpha, text))
            and _FURNITURE.fullmatch(text) is None
        )


def add_code(layout: Layout, tree: Structure, words: Column, chosen: Chosen) -> None:
    """Chooses code between chosen blocks, one of which at most is left out on either side."""
    wanted = tree.code & ~chosen & (words > 1) & (tree.hidden & (HIDDEN | UNSEEN) == 0)
    for block in places_of(wanted):
        before = chosen[max(block - 2, 0) : block].any()
        chosen[block] = before and chosen[block + 1 : block + 3].any()


def title_buttons(layout: Layout, tree: Structure, chosen: Chosen) -> None:
    """Chooses the blocks of buttons that stand right before chosen text, and no others."""
    in_button = tree.telling & tags.BIT["button"] != 0
    if not in_button.any():
        return
    inside = np.array(layout.telling, dtype=np.int64) & tags.BIT["button"] != 0
    button = nearest(inside & ~inside[tree.above], tree.above)[tree.owner]
    for block in range(len(chosen) - 1, -1, -1):
        if in_button[block]:
            following = chosen[block + 1 : block + 2]
            same = button[block + 1 : block + 2] == button[block]
            chosen[block] = (following & (same | ~in_button[block + 1 : block + 2])).any()
