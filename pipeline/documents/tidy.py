"""What is taken out of a tree, or mended in it, before extraction reads it.

Two reasons.  Speed: extraction copies its tree several times, and half of a news
page are elements that it deletes in the end.  Quality: its rules do not know
permalink signs and line numbers, squeeze `<pre>` blocks in lists and quotes into one
line, put nested inline code in a wrong order, and keep promotional links that stand
as paragraphs of their own.
"""

from __future__ import annotations

from lxml import etree
from lxml.html import HtmlElement

from pipeline.documents.parse import STAND_INS

#: Elements without text of the page.  trafilatura (settings.py, MANUALLY_CLEANED) deletes
#: all of them as well, but only after it has copied and searched the tree.
_NEVER_TEXT = [
    "style", "svg", "template", "iframe", "noscript", "link", "meta", "nav", "footer", "aside",
    "button", "select", "input", "label", "textarea", "object", "embed", "audio", "video",
    "canvas", "picture", "map", "option", "applet", "source", "track", "param", "fieldset",
    "legend", "dialog", "menu", "progress", "datalist", "optgroup", "area", "time",
]  # fmt: skip
_FURNITURE = etree.XPath(
    # Permalink signs of Sphinx, Docusaurus, AsciiDoc and GitHub; line numbers of Pygments.
    ".//a[contains(concat(' ', @class, ' '), ' headerlink ')"
    " or contains(concat(' ', @class, ' '), ' hash-link ')"
    " or contains(concat(' ', @class, ' '), ' anchor ')]"
    "|.//*[self::td or self::span][@class='linenos' or @class='lineno']"
)
_TO_STAND_INS = str.maketrans({space: sign for sign, space in STAND_INS.items()})
#: A paragraph whose letters are links for the most part points elsewhere and says nothing.
_LINK_SHARE = 0.95
#: A <header> with more of the page's text than this is its layout, not its head.
_HEADER_SHARE = 0.25


def tidy(tree: HtmlElement) -> None:
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
        if _is_link(paragraph):
            _drop(paragraph)
    etree.strip_tags(tree, "code")
    for block in list(tree.iter("pre")):
        _flatten_pre(block)


def _drop_headers(tree: HtmlElement) -> None:
    """Drops <header>: headline, by-line and share buttons; its heading is the title."""
    headers = list(tree.iter("header"))
    if headers:
        limit = _HEADER_SHARE * len(tree.text_content())
        for header in headers:
            if len(header.text_content()) <= limit:
                _drop(header)


def _is_link(paragraph: HtmlElement) -> bool:
    links = [len(link.text_content().strip()) for link in paragraph.iterfind(".//a")]
    return bool(links) and sum(links) >= _LINK_SHARE * len(paragraph.text_content().strip())


def _flatten_pre(block: HtmlElement) -> None:
    """Makes <pre> one run of text, as a block of code; its white space survives as stand-ins."""
    if block.getparent() is None:
        return
    for line_break in block.iter("br"):
        line_break.tail = "\n" + (line_break.tail or "")
    text, tail = block.text_content(), block.tail
    block.clear()
    block.tag, block.text, block.tail = "code", text.translate(_TO_STAND_INS), tail


def _drop(element: HtmlElement) -> None:
    if element.getparent() is not None:
        element.drop_tree()
