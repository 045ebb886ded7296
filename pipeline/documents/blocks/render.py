"""The chosen blocks of a page as plain text: paragraphs, lists, tables, code.

Paragraphs are parted by a blank line.  The items of a list ("- ", "1. "), the rows of a table
("a | b"), terms with what they mean, and the lines of code stay together.  No other markup.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.documents.blocks import tags
from pipeline.documents.blocks.layout import Layout
from pipeline.documents.blocks.names import FAMILY
from pipeline.documents.blocks.structure import Structure
from pipeline.documents.blocks.tables import DataTable, data_tables, row_of

_ITEM, _ORDERED = tags.NUMBER["li"], tags.NUMBER["ol"]
_LISTS = frozenset(tags.NUMBER[tag] for tag in ("ul", "ol", "menu", "dir"))
_TERM, _MEANING, _TERMS = tags.NUMBER["dt"], tags.NUMBER["dd"], tags.NUMBER["dl"]
_WRAPPER = tags.NUMBER["div"]
_LISTED = tags.BIT["ul"] | tags.BIT["ol"] | tags.BIT["dl"]
_MEANING_INDENT = "    "
#: A list whose items are longer than this, or have more blocks, lays out a page: its items are
#: paragraphs.  So are the posts of a thread.
_ITEM_CHARS, _ITEM_BLOCKS = 500, 4
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
        lines = "\n".join(map(str.rstrip, text.split("\n")))
        if lines.strip():
            if pieces:
                pieces.append("\n" if unit.group == last and last is not None else "\n\n")
            pieces.append(lines)
            last = unit.group
    return unicodedata.normalize("NFC", "".join(pieces))


def without_unseen(text: str) -> str:
    """Text without characters that nobody sees, none of which is printable to Python."""
    return text if text.isprintable() else _UNSEEN.sub("", text)


@dataclass(frozen=True, slots=True)
class _Unit:
    """Lines that belong together; units of one group follow each other without a blank line."""

    text: str
    group: int | None = None


class _Units:
    """The units of a page, in order."""

    def __init__(self, layout: Layout, tree: Structure, chosen: Sequence[bool]) -> None:
        self._layout, self._chosen = layout, chosen
        self._tables = {table.first: table for table in data_tables(layout, tree)}
        self._marked: set[int] = set()  # items that have their mark
        self._reads: dict[int, bool] = {}  # lists: whether they read as such
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
        while element >= 0:
            tag, parent = layout.tag[element], layout.parent[element]
            if tag in (_TERM, _MEANING) and parent >= 0 and layout.tag[parent] == _WRAPPER:
                parent = layout.parent[parent]  # <dl> may have a <div> around each pair
            if tag in (_ITEM, _TERM, _MEANING) and parent >= 0 and self._is_list(parent):
                mark = self._mark(element, parent) + mark
                group = parent
            element = parent
        if group is None:
            return _Unit(text)
        return _Unit(mark + text.replace("\n", "\n" + " " * len(mark)), group)

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

    def _is_list(self, element: int) -> bool:
        known = self._reads.get(element)
        if known is None:
            known = self._reads[element] = self._reads_as_list(element)
        return known

    def _reads_as_list(self, element: int) -> bool:
        """Whether a list is one to a reader, by the chosen blocks of its items."""
        layout = self._layout
        tag = layout.tag[element]
        items = (_TERM, _MEANING) if tag == _TERMS else (_ITEM,) if tag in _LISTS else ()
        if not items or layout.own[element] & FAMILY["post"]:
            return False
        chars = blocks = 0
        held: set[int] = set()
        for block in range(int(self._tree.first[element]), int(self._tree.last[element])):
            if not self._chosen[block]:
                continue
            item = self._item_under(layout.owner[block], element)
            if item < 0:
                continue
            if (
                layout.own[item] & FAMILY["post"]
                or layout.tag[layout.owner[block]] in tags.HEADINGS
            ):
                return False
            held.add(item)
            chars += len(layout.text[block])
            blocks += 1
        return (
            blocks > 0 and chars <= _ITEM_CHARS * len(held) and blocks <= _ITEM_BLOCKS * len(held)
        )

    def _item_under(self, element: int, parent: int) -> int:
        """The item of a list that an element lies in; -1 for those of a list within the list."""
        while element >= 0 and self._layout.parent[element] != parent:
            if self._layout.tag[element] in _LISTS:
                return -1
            element = self._layout.parent[element]
        return element
