"""Text from the tree that extraction leaves: paragraphs, lists, code and tables.

Blocks are parted by one blank line.  Within a block, lines belong together: the
items of a list ("- ", "1. "), the rows of a table ("a | b"), the lines of code with
their indentation.  There is no other markup: this text is for a language model.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from lxml.etree import _Element

from pipeline.documents.by_trafilatura.parse import STAND_INS

_BLOCKS = frozenset({"p", "head", "list", "item", "code", "quote", "table"})
#: A line break that the page asks for, while text is gathered; no page holds this character
#: (parse.py takes it out).
_BREAK = "\x1f"
#: Soft hyphen, zero width space, word joiner, byte order mark: they part words for tokenizers.
#: Joiners stay, since scripts and emoji need them.
_INVISIBLE = ("\u00ad", "\u200b", "\u2060", "\ufeff")
_FROM_STAND_INS = str.maketrans(STAND_INS)


def render(body: _Element) -> str:
    """The text of an extracted tree (elements p, head, list, item, code, quote, table, lb)."""
    text = "\n\n".join(block for block in _blocks(body) if block.strip())
    for sign in _INVISIBLE:
        text = text.replace(sign, "")
    return unicodedata.normalize("NFC", text)


def _blocks(element: _Element) -> Iterator[str]:
    """The blocks of a container, in order; loose text between blocks is a block too."""
    loose = [element.text or ""]
    for child in element:
        if _is_block(child):
            yield _paragraph(loose)
            yield from _block(child)
            loose = [child.tail or ""]
        else:
            loose += [_inline(child), child.tail or ""]
    yield _paragraph(loose)


def _block(element: _Element) -> Iterator[str]:
    if element.tag == "code":
        yield _code(element)
    elif element.tag == "list":
        yield "\n".join(_items(element))
    elif element.tag == "table":
        yield "\n".join(_rows(element))
    else:
        yield from _blocks(element)


def _is_block(element: _Element) -> bool:
    return element.tag in _BLOCKS or any(_is_block(child) for child in element)


def _inline(element: _Element) -> str:
    """The text of an inline element, with the breaks in it but without its tail."""
    if element.tag == "lb":
        return _BREAK
    inside = (_inline(child) + (child.tail or "") for child in element)
    return (element.text or "") + "".join(inside)


def _paragraph(pieces: list[str]) -> str:
    """One paragraph: runs of white space are one space, except at the breaks of the page."""
    lines = (" ".join(line.split()) for line in "".join(pieces).split(_BREAK))
    return "\n".join(filter(None, lines))


def _code(element: _Element) -> str:
    """Lines of code as they are, without blank lines at both ends and spaces at line ends."""
    text = "".join(element.itertext()).translate(_FROM_STAND_INS).replace("\r", "")
    lines = [line.rstrip() for line in text.split("\n")]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines)


def _items(element: _Element, indent: str = "") -> Iterator[str]:
    """The lines of a list; what stands in an item below its first line is indented."""
    for number, item in enumerate(element.iterchildren("item"), start=1):
        kind = item.get("rend") or ""
        if kind.startswith("dt"):
            mark = ""
        elif kind.startswith("dd"):
            mark = "    "
        else:
            mark = f"{number}. " if element.get("rend") == "ol" else "- "
        text = "\n".join(block for block in _blocks(item) if block.strip())
        lines = text.split("\n") if text else []
        for i, line in enumerate(lines):
            yield (mark if i == 0 else " " * len(mark)) + line


def _rows(table: _Element) -> Iterator[str]:
    """The rows of a table, a line each, without columns that are empty at the left and right."""
    rows = [
        [" ".join(" ".join(_blocks(cell)).split()) for cell in row.iterchildren("cell")]
        for row in table.iter("row")
    ]
    starts = [next((i for i, cell in enumerate(row) if cell), len(row)) for row in rows]
    left = min(starts, default=0)
    for row in rows:
        if line := " | ".join(row[left:]).rstrip(" |"):
            yield line
