"""Lists of items, told from lists that lay out a page: whose items are paragraphs, posts, cards."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.documents.blocks import tags
from pipeline.documents.blocks.layout import Layout
from pipeline.documents.blocks.names import FAMILY

_LISTS = frozenset(tags.NUMBER[tag] for tag in ("ul", "ol", "menu", "dir"))
_HOLDERS = _LISTS | {tags.NUMBER["dl"]}
_POST = FAMILY["post"]
#: A list whose items are longer than this, or have more blocks, lays out a page: its items are
#: paragraphs.  So are the posts of a thread, and what has headings.
_ITEM_CHARS, _ITEM_BLOCKS = 500, 4


def read_as_lists(layout: Layout, chosen: Sequence[bool]) -> list[bool]:
    """Of each element whether it is a list to a reader, by the chosen blocks of its items.

    Those of a list within an item are not the item's.  One pass from the innermost elements to the
    outermost, whose time does not grow with the depth of a page.
    """
    elements = len(layout.tag)
    chars, blocks, headed = [0] * elements, [0] * elements, [False] * elements
    for block, owner in enumerate(layout.owner):
        if chosen[block]:
            chars[owner] += len(layout.text[block])
            blocks[owner] += 1
            headed[owner] = layout.tag[owner] in tags.HEADINGS
    items, item_chars, item_blocks = [0] * elements, [0] * elements, [0] * elements
    reads = [
        tag in _HOLDERS and not own & _POST for tag, own in zip(layout.tag, layout.own, strict=True)
    ]
    for element in range(elements - 1, 0, -1):
        if not blocks[element]:
            continue
        above = layout.parent[element]
        if layout.tag[above] in _HOLDERS:
            items[above] += 1
            item_chars[above] += chars[element]
            item_blocks[above] += blocks[element]
            if headed[element] or layout.own[element] & _POST:
                reads[above] = False
        if layout.tag[element] not in _LISTS:
            chars[above] += chars[element]
            blocks[above] += blocks[element]
            headed[above] = headed[above] or headed[element]
    return [
        is_list and count > 0 and length <= _ITEM_CHARS * count and held <= _ITEM_BLOCKS * count
        for is_list, count, length, held in zip(reads, items, item_chars, item_blocks, strict=True)
    ]
