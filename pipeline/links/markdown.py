"""Links in self texts and comments, which are Markdown: inline, reference and bare ones.

A parser, not a pattern: of 13 hard cases a regular expression gets 5 right (escaped
characters, parentheses in addresses, reference links, code).  Where a paragraph is so plain
that a pattern is sure to say the same, the parser is spared (`plain.py`).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from urllib.parse import quote

from markdown_it import MarkdownIt

from pipeline.links.plain import has_bare_www, plain_links, with_scheme

#: Reddit writes `\\_` in bare addresses when they were typed in its rich text editor.
_ESCAPED = re.compile(r"\\([_*()~^#])")
#: A space within the address of an inline link: Reddit's old editor let it pass.
_SPACED = re.compile(r"\]\((https?://[^\s()<>]+)((?: [^\s()<>\"']+)+)\)", re.I)
#: Marks that are not seen, as characters and, from Reddit's rich text editor, as an entity.
_MARKS_UNSEEN = "\u200b\u200e\u200f\u2060\ufeff"
_MARKS = re.compile(r"(?:~~|\*\*)+$")
_BARE = re.compile(r"(?<!\()(https?://[^\s<>\[\]]*\\[_*()~^#][^\s<>\[\]]*)")
#: What makes a text more than a row of independent paragraphs: fences and definitions.
_WHOLE = re.compile(r"```|~~~|^ {0,3}\[[^\]]+\]:", re.M)

#: All that dumps escape.
_ESCAPES = {"amp": "&", "lt": "<", "gt": ">"}
#: Characters of a paragraph that the parser gets at once.  Its time grows with the square, and
#: someone may post what is slowest: 40,000 such characters, Reddit's most, take some 15 seconds.
_LONGEST = 2_000
#: Characters of a text whose links are remembered; thousands of them are, some 8 MB.
_SHORT = 2_000


@cache
def _parser() -> MarkdownIt:
    # Indented code is off: on Reddit four spaces before a link are more often a slip.
    # HTML is off: Reddit shows it as text.
    parser = MarkdownIt("commonmark", {"linkify": True})
    parser.enable("linkify").disable(["code", "html_block", "html_inline"])
    # Names with dots are files and methods as often as hosts; only `www.` is a link on Reddit.
    assert parser.linkify is not None
    parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    return parser


def links_in(text: str, *, escaped: bool = True) -> list[str]:
    """All web addresses that a Markdown text links to, in order, without repeats.

    `escaped`: the text has HTML escapes, as dumps have it, which are undone here once.
    """
    if "://" not in text and not has_bare_www(text):
        return []
    find = remembered_links if len(text) <= _SHORT else _links
    return list(find(text, escaped))


@lru_cache(maxsize=1 << 12)
def remembered_links(text: str, escaped: bool) -> tuple[str, ...]:
    """The links of a short text; bots write the same comments again and again."""
    return tuple(_links(text, escaped))


def _links(text: str, escaped: bool) -> Iterable[str]:
    # One character is found ten times as quickly as three.
    fence = ("`" in text and "```" in text) or ("~" in text and "~~~" in text)
    if (fence or ("]" in text and "]:" in text)) and _WHOLE.search(text):
        return dict.fromkeys(parsed_links(_plain(text, escaped)))
    # Paragraphs without an address are left out, as each stands alone here.
    pieces = [piece for piece in text.split("\n\n") if "://" in piece or has_bare_www(piece)]
    links = plain_links(_plain("\n\n".join(pieces), escaped))
    if links is None:  # then some paragraph is not plain
        links = [link for piece in pieces for link in _paragraph(_plain(piece, escaped))]
    return dict.fromkeys(links)


def _paragraph(text: str) -> Iterable[str]:
    plain = plain_links(text)
    return parsed_links(text) if plain is None else plain


def parsed_links(text: str) -> Iterator[str]:
    """The web addresses that a text without HTML's escapes links to, by the parser."""
    text = with_scheme(_short(text).replace("!<", " !<"))  # the end of a spoiler
    text = _BARE.sub(lambda found: _ESCAPED.sub(r"\1", found[1]), text)
    text = _SPACED.sub(lambda found: f"]({found[1]}{quote(found[2])})", text)
    for token in _parser().parse(text):
        for child in token.children or ():
            if child.type == "link_open":
                address = str(child.attrs.get("href", ""))
                if address.lower().startswith(("http://", "https://")):
                    # Bold and struck marks that touch a bare address are no part of it.
                    yield _MARKS.sub("", address) if child.info == "auto" else address


def _short(text: str) -> str:
    """The text with longer paragraphs cut: at a line's end, else at a space, else anywhere."""
    if len(text) <= _LONGEST:
        return text
    return "\n\n".join(piece for long in text.split("\n\n") for piece in _cut(long))


def _cut(paragraph: str) -> Iterator[str]:
    while len(paragraph) > _LONGEST:
        line, word = paragraph.rfind("\n", 0, _LONGEST), paragraph.rfind(" ", 0, _LONGEST)
        end = max(line if line > 0 else word, 0) or _LONGEST
        yield paragraph[:end]
        paragraph = paragraph[end:]
    yield paragraph


def unescape(text: str) -> str:
    """HTML's escapes undone: the three that Reddit's dumps have in a quick way, others in any."""
    first, *rest = text.split("&")
    plain = [first]
    for part in rest:
        name, end, after = part[:4].partition(";")
        character = _ESCAPES.get(name)
        if not end or character is None:
            return html.unescape(text)
        plain += character, after, part[4:]
    return "".join(plain)


def _plain(text: str, escaped: bool) -> str:
    if escaped and "&" in text:
        text = unescape(text)
    if not text.isascii():
        for mark in _MARKS_UNSEEN:
            text = text.replace(mark, "")
    if "&" in text and "&#x200" in text:
        text = text.replace("&#x200B;", "").replace("&#x200b;", "")
    return text
