"""Tables of contents: lists of links to the headings of their own page, which say nothing more."""

from __future__ import annotations

import re

import numpy as np

from pipeline.documents.blocks.layout import WITHIN_PAGE, Layout
from pipeline.documents.blocks.numbers import Chosen, Column, places_of, running
from pipeline.documents.blocks.structure import Structure
from pipeline.documents.blocks.tagged import HEADINGS, tagged
from pipeline.documents.blocks.told import letters

_HOLDERS = tagged("ul", "ol", "nav", "div")
_FEWEST = 3
#: Of what such a list holds: tenths of the characters that are in links, and of the blocks that
#: lead to a place on the page; half of the blocks are headings word for word.
_LINKED, _LEADING = 8, 7
_NUMBER = re.compile(r"^\d+")
_LABEL = re.compile(
    r"(?:in this (?:article|section|guide|post)|on this page|(?:table of )?contents?|jump to"
    r"|what.s (?:in|inside)|quick links|overview)\W*.{0,12}",
    re.IGNORECASE,
)


def contents(layout: Layout, tree: Structure, links: Column, chars: Column) -> Chosen:
    """The blocks of tables of contents, and the labels before them."""
    found = np.zeros(len(layout.text), dtype=np.bool_)
    leading = tree.inner & WITHIN_PAGE != 0
    if leading.sum() < _FEWEST:
        return found
    is_heading = HEADINGS[tree.tag[tree.owner]]
    headings = {_unnumbered(layout.text[block]) for block in places_of(is_heading)}
    repeating = np.zeros_like(leading)
    for block in places_of(leading & ~is_heading):
        repeating[block] = _unnumbered(layout.text[block]) in headings
    first, last = tree.first, tree.last
    held_links, held_chars, held_leading, held_headings = (
        sums[last] - sums[first] for sums in map(running, (links, chars, leading, repeating))
    )
    blocks = last - first
    lists = (
        _HOLDERS[tree.tag]
        & (blocks >= _FEWEST)
        & (10 * held_links >= _LINKED * held_chars)
        & (10 * held_leading >= _LEADING * blocks)
        & (2 * held_headings >= blocks)
    )
    for element in places_of(lists):
        begin = int(first[element])
        found[begin : last[element]] = True
        if begin and _LABEL.fullmatch(layout.text[begin - 1]):
            found[begin - 1] = True
    return found


def _unnumbered(text: str) -> str:
    return _NUMBER.sub("", letters(text))
