"""What a page has more than once: buttons, labels, words that are quoted, parts for two screens."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from pipeline.documents.blocks import tags
from pipeline.documents.blocks.layout import Layout
from pipeline.documents.blocks.names import FAMILY
from pipeline.documents.blocks.numbers import Chosen, Column, members, places_of, running
from pipeline.documents.blocks.structure import Structure
from pipeline.documents.blocks.tagged import HEADINGS, tagged
from pipeline.documents.blocks.told import letters

#: Links of at most so many words, so often on a page, are buttons.
_LINK_WORDS, _OFTEN = 3, 3
#: Where the same words are what a list is about: headings, terms, cells.
_KEPT = HEADINGS | tagged("dt", "td", "th")
#: Ways to narrow down a list, "Ground (17)": so many of a shape, six of ten of it, of a few words.
_FACETS, _FACETS_OF_TEN, _FACET_WORDS = 4, 6, 8
_COUNTED = re.compile(r".*\(\d[\d,.]*\)", re.DOTALL)
#: Shorter quotations may stand twice by chance.
_QUOTE_WORDS = 8
#: On pages with more quotations only whole blocks are compared: each is looked for in all before.
_MOST_QUOTES = 300
#: A part of a page that stands there twice has so many blocks and words at least, …
_PART_BLOCKS, _PART_WORDS = 2, 12
#: … and follows the first within so many blocks, unless it has more blocks.
_PART_WITHIN, _LONG_PART = 10, 3


def repeated_links(
    layout: Layout, tree: Structure, words: Column, links: Column, chars: Column
) -> Chosen:
    """Links of few words that the page has several times: "Reply", "Learn more"."""
    around = tree.up[1]
    short = (words <= _LINK_WORDS) & (links == chars)
    short &= ~_KEPT[tree.tag[tree.owner]] & ~HEADINGS[tree.tag[around]]
    short &= (tree.families[tree.owner] | tree.families[around]) & FAMILY["title"] == 0
    return often(layout, short)


def often(layout: Layout, some: Chosen) -> Chosen:
    """Those of some blocks whose text several of them have."""
    often = np.zeros_like(some)
    blocks = some.nonzero()[0]
    texts = [layout.text[block] for block in blocks.tolist()]
    times = Counter(texts)
    often[blocks] = [times[text] >= _OFTEN for text in texts]
    return often


def facets(layout: Layout, tree: Structure, words: Column) -> Chosen:
    """Names of parts of a list with how many are in each."""
    short = places_of(words <= _FACET_WORDS)
    texts = layout.text
    ended = [block for block in short if texts[block][-1] == ")"]
    counting = [block for block in ended if _COUNTED.fullmatch(texts[block])]
    counted = members(counting, len(texts))
    if len(counting) < _FACETS:
        return np.zeros_like(counted)
    kinds = int(tree.shape.max()) + 1
    of_shape = np.bincount(tree.shape, minlength=kinds)
    counted_of = np.bincount(tree.shape[counted], minlength=kinds)
    lists = (counted_of >= _FACETS) & (10 * counted_of >= _FACETS_OF_TEN * of_shape)
    found: Chosen = counted & lists[tree.shape]
    return found


def quoted_again(layout: Layout, quoted: Chosen, words: Column) -> Chosen:
    """Blocks of a quotation that stand on the page before, on their own or within others."""
    repeated = np.zeros(len(layout.text), dtype=np.bool_)
    asked = quoted & (words >= _QUOTE_WORDS)
    rows = places_of(asked)
    if not rows:
        return repeated
    count = len(rows)
    seen: set[str] = set()
    before = ""
    for row, text in enumerate(layout.text[: rows[-1] + 1]):
        repeated[row] = asked[row] and text in seen
        seen.add(text)
        if not repeated[row] and count <= _MOST_QUOTES:
            written = letters(text)
            repeated[row] = asked[row] and written in before
            before += written
    return repeated


def parts_again(layout: Layout, tree: Structure, words: Column, chosen: Chosen) -> Chosen:
    """Elements whose chosen blocks stood there just so before: for a telephone, then for a desk.

    Not of lists of terms: what a manual says of one name may hold for another.
    """
    dropped = np.zeros_like(chosen)
    places = chosen.nonzero()[0]
    numbers: dict[str, int] = {}
    texts = [layout.text[block] for block in places.tolist()]
    earlier = np.array([numbers.setdefault(text, row) for row, text in enumerate(texts)])
    rows = np.arange(len(places))
    again = earlier < rows
    if again.sum() < _PART_BLOCKS:
        return dropped
    copied, counted, held = running(again), running(chosen), running(words[places])
    code = running(tree.code[places])
    begin, end = counted[tree.first], counted[tree.last]
    blocks = end - begin
    parts = (blocks >= _PART_BLOCKS) & (copied[end] - copied[begin] == blocks)
    parts &= (held[end] - held[begin] >= _PART_WORDS) & (code[end] == code[begin])
    parts &= np.array(layout.telling, dtype=np.int64) & tags.BIT["dl"] == 0
    done = 0
    for element in places_of(parts):
        first, last = int(begin[element]), int(end[element])
        start = int(earlier[first])
        near = first - start - (last - first) <= _PART_WITHIN or last - first > _LONG_PART
        if (
            first >= done
            and near
            and start + last - first <= first
            and np.array_equal(earlier[first:last], earlier[start : start + last - first])
        ):
            dropped[places[first:last]] = True
            done = last
    return dropped
