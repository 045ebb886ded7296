"""Tables of data, told from tables that lay out a page.

A table of data has rows of several cells with little text each.  One that holds another table is
layout, as are those with whole paragraphs in their cells: forums of the first decade, newsletters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.documents.blocks import tags
from pipeline.documents.blocks.layout import Layout
from pipeline.documents.blocks.names import FAMILY
from pipeline.documents.blocks.numbers import places_of
from pipeline.documents.blocks.structure import Structure

_TABLE, _ROW = tags.NUMBER["table"], tags.NUMBER["tr"]
_CELLS = frozenset((tags.NUMBER["td"], tags.NUMBER["th"]))
#: Cells have at most so many characters on the mean, and one in ten may be long.
_MEAN_CHARS, _LONG_CHARS, _LONG_SHARE = 120, 300, 0.1
_MEAN_BLOCKS = 3
#: A cell that is named as a post is one from so many characters on.
_POST_CHARS = 200


@dataclass(frozen=True, slots=True)
class DataTable:
    """A table and its blocks `first` … `last - 1`; `cells` is the cell of each, or -1."""

    element: int
    first: int
    last: int
    cells: tuple[int, ...]


def data_tables(layout: Layout, tree: Structure) -> Iterator[DataTable]:
    """The tables of data of a page, in order."""
    tables = places_of((tree.tag == _TABLE) & (tree.last > tree.first))
    for place, table in enumerate(tables):
        first, last = int(tree.first[table]), int(tree.last[table])
        following = tables[place + 1] if place + 1 < len(tables) else None
        if following is None or not first <= int(tree.first[following]) < last:
            cells = tuple(cell_of(layout, layout.owner[block]) for block in range(first, last))
            if _is_data(layout, first, cells):
                yield DataTable(table, first, last, cells)


def cell_of(layout: Layout, element: int) -> int:
    """The cell that an element is or lies in, within its table; -1 where there is none."""
    while element >= 0 and layout.tag[element] != _TABLE:
        if layout.tag[element] in _CELLS:
            return element
        element = layout.parent[element]
    return -1


def row_of(layout: Layout, cell: int) -> int:
    """The row of a cell; the cell itself where it has none."""
    parent = layout.parent[cell]
    return parent if parent >= 0 and layout.tag[parent] == _ROW else cell


def _is_data(layout: Layout, first: int, cells: tuple[int, ...]) -> bool:
    chars: dict[int, int] = {}
    for block, cell in enumerate(cells, start=first):
        if cell >= 0:
            chars[cell] = chars.get(cell, 0) + len(layout.text[block])
    if not chars:
        return False
    rows: dict[int, int] = {}
    for cell, length in chars.items():
        if length > _POST_CHARS and layout.own[cell] & FAMILY["post"]:
            return False  # a thread of vBulletin, a table with two rows a post
        row = row_of(layout, cell)
        rows[row] = rows.get(row, 0) + 1
    several = sum(count > 1 for count in rows.values())
    long = sum(count > _LONG_CHARS for count in chars.values())
    return (
        2 * several >= len(rows)
        and sum(chars.values()) <= _MEAN_CHARS * len(chars)
        and long <= _LONG_SHARE * len(chars)
        and len(cells) <= _MEAN_BLOCKS * len(chars)
    )
