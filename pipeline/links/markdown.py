"""Links in self texts and comments, which are Markdown: inline, reference and bare ones.

A parser, not a pattern: of 13 hard cases a regular expression gets 5 right (escaped
characters, parentheses in addresses, reference links, code).  The parser is pulldown-cmark,
which writes 1,000 characters as HTML in some 5 microseconds, in time that grows with a text
and not with its square.  Links are read off the HTML, bare addresses are found beside its tags.

Reddit lets pass what CommonMark does not: indented addresses, spaces in targets, marks of
emphasis in bare addresses.  A text whose HTML shows traces of these is put right and written
once more.  What CommonMark takes for something else is put right before: a rule of tildes, a
label with a colon before a link, a target behind an odd space.
"""

from __future__ import annotations

import html
import re
from html.entities import html5

import pyromark
from stringzilla import count, find

from pipeline.links.bare import (
    SCHEME,
    address_start,
    bare_address,
    has_bare_www,
    sure_addresses,
    with_scheme,
)

#: Marks that are not seen; Reddit's rich text editor writes the first as an entity.
_MARKS_UNSEEN = "\u200b\u200e\u200f\u2060\ufeff"
_ESCAPE = re.compile(r"&(#?)(\w+;)")
#: An entity that someone wrote: beyond the three that dumps escape, or escaped itself.
_ENTITY = re.compile(r"&(?:amp;|(?!amp;|lt;|gt;))#?\w+;")
#: A target in angle brackets, in a text in which those are escaped.
_ANGLED = re.compile(r"\]\(&lt;(https?://[^\n>]{0,2000})>", re.I)
#: An address that someone kept from being one, outside of a target.
_BROKEN = re.compile(r":(?<!\(http:)(?<!\(https:)(?:\\?/\\/|\\//)")

#: An odd space before a target.
_ODD_SPACE = re.compile("\\]\\([\u00a0\u2000-\u200a\u202f\u3000]+")
#: `[Label]: [text](target)` defines no reference, whose target would be `[text](target)`.
_LABEL = re.compile(r"\]:(?=[ \t]+\[)")
#: A rule of tildes; people do not fence code by it.
_TILDES = re.compile(r"^([ \t>]*)(?=~~~)", re.M)
#: The line below the head of a table; cells end addresses.
_TABLE = re.compile(r"^(?=[^\n]*\|)[ \t>]*[|:-][|: \t-]*$", re.M)

#: Four spaces are code in CommonMark; on Reddit they are more often a slip.
_INDENT = re.compile(r"\n(?: {4}| {0,3}\t)[ \t]*")
#: A space within the address of an inline link: Reddit's old editor let it pass.
_SPACED = re.compile(rf"\]\({SCHEME}[^\s()<>]+(?: [^\s()<>\"']+)+\)")
#: An address in the text, without the marks that may close emphasis behind it.
_HELD = re.compile(r"(?<!<)https?://[^\s<>]*[^\s<>*_~]", re.I)
_MARK = re.compile(r"(?<!\\)([*_])")

_LINK = '<a href="'
#: The address of a link to the web, in the HTML.
_TARGET = re.compile(f'{_LINK}({SCHEME}[^"]*)"')
#: What holds addresses in the HTML that nobody can follow, or not on the web.
_NO_LINK = re.compile(rf'<(?:code.*?</code>|img [^>]*>|a href="(?!{SCHEME}).*?</a>)', re.S)
#: What stands right behind a bare address that emphasis has torn.
_TORN = re.compile(r"<(?:em|strong)>|(?:</(?:em|strong)>)+[\w/&=?%#-]")


_PLAIN = pyromark.Options(0)


class TextError(ValueError):
    """A text that the parser cannot read."""


def links_in(text: str, *, escaped: bool = True) -> list[str]:
    """All web addresses that a Markdown text links to, in order, without repeats.

    `escaped`: the text has HTML escapes, as dumps have it, which are undone here once.
    Raises TextError where the parser fails.
    """
    if find(text, "://") < 0 and not has_bare_www(text):
        return []
    text = with_scheme(_markdown(text if escaped else html.escape(text, quote=False)))
    sure = None if _is_marked(text) else sure_addresses(text)
    return list(dict.fromkeys(_parsed(text) if sure is None else sure))


def unescape(text: str) -> str:
    """HTML's escapes undone, those that end with `;`: `&region=` of a query is none of `&reg`."""
    return _ESCAPE.sub(_character, text)


def _character(escape: re.Match[str]) -> str:
    return html.unescape(escape[0]) if escape[1] == "#" else html5.get(escape[2], escape[0])


def _markdown(text: str) -> str:
    """The text as the parser takes it: `&` and `<` stay escaped, as Reddit shows HTML as text."""
    if "<" in text:  # some dumps escape nothing
        text = text.replace("<", "&lt;")
    if "&" in text:
        if _ENTITY.search(text):
            text = html.escape(unescape(unescape(text)), quote=False)
        text = text.replace("&gt;", ">")
        text = text.replace("!&lt;", " !&lt;")  # the end of a spoiler
        if find(text, "](&lt;") >= 0:
            text = _ANGLED.sub(r"](<\1>", text)
    if not text.isascii():
        for mark in _MARKS_UNSEEN:
            if mark in text:  # ten times as quick as to replace none
                text = text.replace(mark, "")
        text = _ODD_SPACE.sub("](", text)
    return _misread(text)


def _misread(text: str) -> str:
    """The text with what CommonMark takes for something else as Reddit means it."""
    if "~" in text and "~~~" in text:
        text = _TILDES.sub(r"\1\\", text)
    return _LABEL.sub(r"]\:", text) if find(text, "]: ") >= 0 else text


def _is_marked(text: str) -> bool:
    """Whether a text holds Markdown that makes a link, ends, hides or writes one otherwise."""
    return "[" in text or "`" in text or "\\" in text or _has_table(text)


def _has_table(text: str) -> bool:
    return "|" in text and _TABLE.search(text) is not None


def _parsed(text: str) -> list[str]:
    if "\\" in text:
        text = _BROKEN.sub(": //", text)
    written = _written(text)
    links, torn = _links(written)
    better = _put_right(text, written, torn)
    return links if better == text else _parsed(better)


def _written(text: str) -> str:
    """The text as HTML.  A panic in Rust is no Exception: it would end the build."""
    options = pyromark.Options.ENABLE_TABLES if _has_table(text) else _PLAIN
    try:
        return pyromark.html(text, options=options)
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise TextError(f"the Markdown parser fails: {error}") from None
        raise


def _put_right(text: str, written: str, torn: bool) -> str:
    """The text with what Reddit lets pass as CommonMark has it, where the HTML shows traces."""
    if find(written, "<pre>") >= 0:
        text = _INDENT.sub("\n   ", text.lstrip(" \t"))
    if find(written, "](") >= 0:
        text = _SPACED.sub(lambda match: match[0].replace(" ", "%20"), text)
    return _HELD.sub(lambda match: _MARK.sub(r"\\\1", match[0]), text) if torn else text


def _links(written: str) -> tuple[list[str], bool]:
    """(the web addresses of a text's HTML, in order, whether emphasis has torn one)."""
    targets = _TARGET.findall(written)
    if count(written, "://") == "".join(targets).count("://"):  # none is bare
        return [html.unescape(target) for target in targets], False
    hidden = find(written, "<code") >= 0 or find(written, "<img ") >= 0
    if hidden or count(written, _LINK) > len(targets):
        written = _NO_LINK.sub("<>", written)
    links: list[str] = []
    torn = False
    colon = written.find("://")
    while colon >= 0:
        start = address_start(written, colon)
        if written.startswith(_LINK, start - len(_LINK)):
            closing = written.index('"', colon)
            links.append(html.unescape(written[start:closing]))
            end = written.index("</a>", closing)
        else:
            address, end = bare_address(written, colon)
            if address:
                links.append(address)
                torn = torn or _TORN.match(written, end) is not None
        colon = written.find("://", end)
    return links, torn
