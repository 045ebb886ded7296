"""Links in self texts and comments, which are Markdown: inline, reference and bare ones.

A parser, not a pattern: of 13 hard cases a regular expression gets 5 right
(escaped characters, parentheses in addresses, reference links, code).
"""

from __future__ import annotations

import html
import re
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

#: Reddit writes `\\_` in bare addresses when they were typed in its rich text editor.
_ESCAPED = re.compile(r"\\([_*()~^#])")
_HINT = re.compile(r"https?://|www\.", re.I)
_WWW = re.compile(r"(?<![\w/.@-])www\.(?=[\w-]+\.)", re.I)
_BARE = re.compile(r"(?<!\()(https?://[^\s<>\[\]]*\\[_*()~^#][^\s<>\[\]]*)")


@cache
def _parser() -> MarkdownIt:
    # Indented code is off: on Reddit four spaces before a link are more often a slip.
    parser = MarkdownIt("commonmark", {"linkify": True}).enable("linkify").disable("code")
    # Names with dots are files and methods as often as hosts; only `www.` is a link on Reddit.
    assert parser.linkify is not None
    parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    return parser


def links_in(text: str) -> list[str]:
    """All web addresses that a Markdown text links to, in order, without repeats.

    `text` as dumps have it: with HTML escapes, which are undone here once.
    """
    if not _HINT.search(text):
        return []
    text = _WWW.sub("http://www.", html.unescape(text))
    text = _BARE.sub(lambda found: _ESCAPED.sub(r"\1", found[1]), text)
    found: dict[str, None] = {}
    for token in _parser().parse(text):
        for child in token.children or ():
            address = _address(child)
            if address:
                found[address] = None
    return list(found)


def _address(token: Token) -> str | None:
    address = str(token.attrs.get("href", "")) if token.type == "link_open" else ""
    return address if address.lower().startswith(("http://", "https://")) else None
