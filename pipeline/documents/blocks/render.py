"""The chosen blocks of a page as plain text: paragraphs, lists, tables, code.

Paragraphs are parted by a blank line.  The items of a list ("- ", "1. "), the rows of a table
("a | b"), terms with what they mean, and the lines of code stay together.  No other markup.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from pipeline.documents.blocks import tags
from pipeline.documents.blocks.layout import Layout
from pipeline.documents.blocks.lists import read_as_lists
from pipeline.documents.blocks.structure import Structure, nearest
from pipeline.documents.blocks.tables import DataTable, data_tables, row_of
from pipeline.documents.blocks.tagged import tagged

_ITEM, _ORDERED = tags.NUMBER["li"], tags.NUMBER["ol"]
_TERM, _MEANING = tags.NUMBER["dt"], tags.NUMBER["dd"]
_ITEMS = tagged("li", "dt", "dd")
_WRAPPER = tags.NUMBER["div"]
_LISTED = tags.BIT["ul"] | tags.BIT["ol"] | tags.BIT["dl"]
_MEANING_INDENT = "    "
#: Items that lie in each other further than this are indented no more.
_MOST_LEVELS = 50
#: Controls, soft hyphen, zero width space, word joiner, the invisible signs of formulas (shops put
#: them between the letters of "Sponsored"), byte order mark; private use, where fonts keep their
#: icons, and what Unicode says is no character.  Joiners stay, since scripts and emoji need them.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f\u00ad\u200b\u2060-\u2064\ufeff\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff]"
)


def render(layout: Layout, tree: Structure, chosen: Sequence[bool]) -> str:
    """The text of the chosen blocks."""
    units = list(_Units(layout, tree, chosen))
    pieces: list[str] = []
    last: int | None = None
    for unit in units:
        text = without_unseen(unit.text)
        lines = "\n".join(map(str.rstrip, text.split("\n"))) if "\n" in text else text.rstrip()
        if lines and not lines.isspace():
            if pieces:
                pieces.append("\n" if unit.group == last and last is not None else "\n\n")
            pieces.append(lines)
            last = unit.group
    return unicodedata.normalize("NFC", "".join(pieces))


def without_unseen(text: str) -> str:
    """Text without characters that nobody sees, none of which is printable to Python."""
    return text if text.isprintable() else _UNSEEN.sub("", text)


class _Unit(NamedTuple):
    """Lines that belong together; units of one group follow each other without a blank line."""

    text: str
    group: int | None = None


class _Units:
    """The units of a page, in order."""

    def __init__(self, layout: Layout, tree: Structure, chosen: Sequence[bool]) -> None:
        self._layout, self._chosen = layout, chosen
        self._tables = {table.first: table for table in data_tables(layout, tree)}
        self._marked: set[int] = set()  # items that have their mark
        self._tree = tree

    def __iter__(self) -> Iterator[_Unit]:
        block, blocks = 0, len(self._layout.text)
        while block < blocks:
            table = self._tables.get(block)
            if table and self._is_table(table):
                yield self._in_list(self._rows(table), table.element)
                block = table.last
            elif not self._chosen[block]:
                block += 1
            elif self._layout.code[self._layout.owner[block]] >= 0:
                end = self._code_end(block)
                yield self._in_list(self._code(block, end), self._layout.owner[block])
                block = end
            else:
                yield self._in_list(self._layout.text[block], self._layout.owner[block])
                block += 1

    def _is_table(self, table: DataTable) -> bool:
        """Whether rows of several cells are chosen, and they are no lines of code."""
        cells: dict[int, set[int]] = {}
        code = 0
        for block, cell in enumerate(table.cells, start=table.first):
            if self._chosen[block]:
                code += self._layout.code[self._layout.owner[block]] >= 0
                if cell >= 0:
                    cells.setdefault(row_of(self._layout, cell), set()).add(cell)
        several = sum(len(found) > 1 for found in cells.values())
        return bool(cells) and 2 * several >= len(cells) and code * 2 < len(table.cells)

    def _rows(self, table: DataTable) -> str:
        """The rows, a line each, without columns that are empty at the left of all."""
        texts: dict[int, list[str]] = {}
        loose: list[str] = []  # a caption
        for block, cell in enumerate(table.cells, start=table.first):
            if self._chosen[block]:
                text = " ".join(self._layout.text[block].split())
                if cell >= 0:
                    texts.setdefault(cell, []).append(text)
                else:
                    loose.append(text)
        rows: dict[int, list[str]] = {}
        for cell in self._cells(table):
            row = rows.setdefault(row_of(self._layout, cell), [])
            row.append(" ".join(texts.get(cell, ())))
        lines = [row for row in rows.values() if any(row)]
        left = min(next(place for place, text in enumerate(row) if text) for row in lines)
        return "\n".join(loose + [" | ".join(row[left:]).rstrip(" |") for row in lines])

    def _cells(self, table: DataTable) -> Iterator[int]:
        """All cells of a table, empty ones too, in order."""
        layout = self._layout
        depth = layout.depth[table.element]
        element = table.element + 1
        while element < len(layout.tag) and layout.depth[element] > depth:
            if layout.tag[element] in (tags.NUMBER["td"], tags.NUMBER["th"]):
                yield element
            element += 1

    def _code_end(self, block: int) -> int:
        """Where lines of code end that begin with a block: like elements, side by side."""
        layout = self._layout
        kind = self._code_kind(block)
        end = block + 1
        while end < len(layout.text) and self._chosen[end] and self._code_kind(end) == kind:
            end += 1
        return end

    def _code_kind(self, block: int) -> tuple[int, ...] | int:
        """What lines of one listing have in common; a <pre> is a listing of its own."""
        layout = self._layout
        root = layout.code[layout.owner[block]]
        if root < 0 or layout.tag[root] in (0, tags.NUMBER["pre"]):
            return -1 - block
        above = layout.parent[root]
        return layout.tag[root], layout.depth[root], layout.parent[above] if above >= 0 else -1

    def _code(self, first: int, end: int) -> str:
        lines = "\n".join(self._layout.text[first:end]).replace("\r", "").replace("\xa0", " ")
        return lines.strip("\n")

    def _in_list(self, text: str, element: int) -> _Unit:
        """Text with the marks and the indentation of the lists that an element lies in."""
        layout = self._layout
        if not layout.telling[element] & _LISTED:
            return _Unit(text)
        mark, group = "", None
        element, levels = self._items[element], 0
        while element >= 0 and levels < _MOST_LEVELS:
            levels += 1
            tag, parent = layout.tag[element], layout.parent[element]
            if tag != _ITEM and parent >= 0 and layout.tag[parent] == _WRAPPER:
                parent = layout.parent[parent]  # <dl> may have a <div> around each pair
            if parent < 0:
                break
            if self._lists[parent]:
                mark = self._mark(element, parent) + mark
                group = parent
            element = self._items[parent]
        if group is None:
            return _Unit(text)
        return _Unit(mark + text.replace("\n", "\n" + " " * len(mark)), group)

    @cached_property
    def _items(self) -> list[int]:
        """Of each element the nearest that is, or may be, an item of a list, or -1."""
        items: list[int] = nearest(_ITEMS[self._tree.tag], self._tree.above).tolist()
        return items

    @cached_property
    def _lists(self) -> list[bool]:
        """Of each element whether it is a list, and reads as one by the chosen blocks in it."""
        return read_as_lists(self._layout, self._chosen)

    def _mark(self, item: int, parent: int) -> str:
        """The mark before an item's first line; spaces of its width before others."""
        layout = self._layout
        tag = layout.tag[item]
        if tag != _ITEM:
            return _MEANING_INDENT if tag == _MEANING else ""
        mark = "- "
        if layout.tag[parent] == _ORDERED:
            mark = f"{layout.nth[item] + layout.starts.get(parent, 1)}. "
        if item in self._marked:
            return " " * len(mark)
        self._marked.add(item)
        return mark
