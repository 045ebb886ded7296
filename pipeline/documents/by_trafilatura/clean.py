"""What is taken out of a tree, or mended in it, before extraction reads it.

Two reasons.  Speed: extraction copies its tree several times, and half of a news
page are elements that it deletes in the end.  Quality: its rules do not know
permalink signs and line numbers, squeeze `<pre>` blocks in lists and quotes into one
line, put nested inline code in a wrong order, merge the cells of tables in quotes, drop
lists in tables, and keep promotional links that stand as paragraphs of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree
from lxml.html import HtmlElement

from pipeline.documents.by_trafilatura.parse import STAND_INS

#: Elements without text of the page, and text that was deleted.  trafilatura (settings.py,
#: MANUALLY_CLEANED) deletes all but the last as well, after it has copied and searched the tree.
_NEVER_TEXT = [
    "style", "svg", "template", "iframe", "noscript", "link", "meta", "nav", "footer", "aside",
    "button", "select", "input", "label", "textarea", "object", "embed", "audio", "video",
    "canvas", "picture", "map", "option", "applet", "source", "track", "param", "fieldset",
    "legend", "dialog", "menu", "progress", "datalist", "optgroup", "area", "time", "del",
]  # fmt: skip
_FURNITURE = etree.XPath(
    # Permalink signs of Sphinx, Docusaurus, AsciiDoc and GitHub; line numbers of Pygments.
    "descendant::a[@class]["
    "contains(concat(' ', @class, ' '), ' headerlink ')"
    " or contains(concat(' ', @class, ' '), ' hash-link ')"
    " or contains(concat(' ', @class, ' '), ' anchor ')]"
    "|descendant::td[@class='linenos' or @class='lineno']"
    "|descendant::span[@class='linenos' or @class='lineno']"
)
_TO_STAND_INS = str.maketrans({space: sign for sign, space in STAND_INS.items()})
#: A table in a quotation, often one that only indents, would lose its cells.
_QUOTED_TABLES = etree.XPath(".//blockquote[.//table]")
#: So would a table in an item of a list; its outermost table is written out as lines.
_TABLES_IN_LISTS = etree.XPath(".//table[(ancestor::li or ancestor::dd) and not(ancestor::table)]")
#: A list in a cell would be dropped: its items become paragraphs of the cell.
_LISTS_IN_TABLES = etree.XPath(".//table//*[self::ul or self::ol or self::dl]")
#: A paragraph whose letters are links for the most part points elsewhere and says nothing.
_LINK_SHARE = 0.95
#: A table with more of its text in links is left to extraction's own test for lists of links.
_LINK_TABLE_SHARE = 0.5
#: A <header> with more of the page's text than this is its layout, not its head.
_HEADER_SHARE = 0.25


def clean(tree: HtmlElement) -> None:
    """Changes the tree of a page in place; call it after reading the metadata."""
    for script in list(tree.iter("script")):
        # JSON-LD stays: extraction falls back on its articleBody, and knows forums by it.
        if script.get("type") != "application/ld+json":
            script.tag = "style"
    etree.strip_elements(tree, *_NEVER_TEXT, with_tail=False)
    for element in _FURNITURE(tree):
        _drop(element)
    _drop_headers(tree)
    for paragraph in list(tree.iter("p")):
        if _is_link(paragraph, _LINK_SHARE):
            _drop(paragraph)
    etree.strip_tags(tree, "code")
    if next(tree.iter("table"), None) is not None:
        _mend_tables(tree)
    for block in list(tree.iter("pre")):
        _flatten_pre(block)


def _mend_tables(tree: HtmlElement) -> None:
    """Brings tables, and the lists in them, into forms that extraction keeps."""
    for quote in _QUOTED_TABLES(tree):
        quote.tag = "div"
    for table in _TABLES_IN_LISTS(tree):
        if not _is_link(table, _LINK_TABLE_SHARE):
            _to_code(table, "\n".join(_rows(table)))
    for block in _LISTS_IN_TABLES(tree):
        block.tag = "div"
        for item in block.iter("li", "dt", "dd"):
            item.tag = "p"


def _drop_headers(tree: HtmlElement) -> None:
    """Drops <header>: headline, by-line and share buttons; its heading is the title."""
    headers = list(tree.iter("header"))
    if headers:
        limit = _HEADER_SHARE * len(tree.text_content())
        for header in headers:
            if len(header.text_content()) <= limit:
                _drop(header)


def _is_link(element: HtmlElement, share: float) -> bool:
    """Whether links hold at least `share` of the text."""
    links = [len(link.text_content().strip()) for link in element.iterfind(".//a")]
    return bool(links) and sum(links) >= share * len(element.text_content().strip())


def _flatten_pre(block: HtmlElement) -> None:
    """Makes <pre> one run of text, as a block of code."""
    for line_break in block.iter("br"):
        line_break.tail = "\n" + (line_break.tail or "")
    _to_code(block, block.text_content())


def _rows(table: HtmlElement) -> Iterator[str]:
    """The rows of a table, a line each; a table within a cell is text of that cell."""
    for row in table.iter("tr"):
        if next(row.iterancestors("table")) is table:
            cells = (" ".join(" ".join(c.itertext()).split()) for c in row.iterchildren("td", "th"))
            if line := " | ".join(cells).strip(" |"):
                yield line


def _to_code(block: HtmlElement, text: str) -> None:
    """Puts a block of code in the place of an element; white space survives as stand-ins."""
    if block.getparent() is not None:
        tail = block.tail
        block.clear()
        block.tag, block.text, block.tail = "code", text.translate(_TO_STAND_INS), tail


def _drop(element: HtmlElement) -> None:
    if element.getparent() is not None:
        element.drop_tree()
