"""A page as a tree of libxml2, which trafilatura reads.

libxml2 does the parsing.  Two things make it cheap and safe here: bytes that XML
cannot hold are taken out before, and each node becomes an `HtmlElement` without the
look-up in Python that `lxml.html` does for each one (a tenth of the time of extraction).
"""

from __future__ import annotations

from lxml import etree
from lxml.html import HtmlElement

#: Stand-ins for the white space of code, which extraction would squeeze: three of Unicode's
#: noncharacters (U+FDD0 and following), which no text may hold for exchange.
STAND_INS = {"\ufdd0": "\n", "\ufdd1": " ", "\ufdd2": "\t"}
#: C0 controls (without tab, line feed, carriage return) and DEL: no part of XML 1.0 text.
_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\r") + b"\x7f"
_STAND_INS = [sign.encode() for sign in STAND_INS]


def parse_html(text: str) -> HtmlElement | None:
    """The tree of a page, None when there is no element in it.

    Nesting deeper than 256 levels is cut off by libxml2.
    """
    data = text.encode("utf-8", "replace").translate(None, _CONTROLS)
    for stand_in in _STAND_INS:
        data = data.replace(stand_in, b"")
    if not data.strip():
        return None
    # A parser for each page: a shared one keeps the names of all pages it has seen.
    parser = etree.HTMLParser(
        collect_ids=False,
        default_doctype=False,
        encoding="utf-8",
        remove_comments=True,
        remove_pis=True,
    )
    parser.set_element_class_lookup(etree.ElementDefaultClassLookup(element=HtmlElement))
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        return None  # a document without content: "<", "<!doctype html>"
