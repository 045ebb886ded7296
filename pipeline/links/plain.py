"""Links in a paragraph of plain Markdown, by one pattern: what most paragraphs need.

A Markdown parser takes some 300 microseconds for a paragraph; this takes 4.  It answers
only where it is sure to say what the parser says, and else leaves the paragraph to it:
it knows inline links and bare addresses of a plain form, and when anything is left over
that might be a link or might hide one (code, escapes, `<`, a bracket it did not take),
it says nothing.  The tests hold the two side by side on real texts and on made-up ones.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from markdown_it.common.normalize_url import normalizeLink
from markdown_it.common.utils import unescapeAll

_HOST = r"(?:[A-Za-z0-9]++(?:-++[A-Za-z0-9]++)*+\.)+[A-Za-z]{2,}+"
_SCHEME = r"[tT][tT][pP][sS]?://"  # less its `h`
_ESCAPE = "%[0-9A-Fa-f]{2}"
#: What may stand anywhere in the path of a bare address; `.,!?` only before more of it.  No
#: `;`, as it ends entities, which a parser decodes.
_PATH = "[A-Za-z0-9/_~=&+#$:@-]*+"
_MORE = rf"(?:(?:{_ESCAPE}|[.,!?]++(?=[A-Za-z0-9/_=&+%-])){_PATH})*+"
_BARE = rf"{_SCHEME}{_HOST}(?:/{_PATH}{_MORE})?"
#: What ends a bare address for sure.
_END = r"""(?<!~)(?=(?:\.++|!++|\?++|[,;])?+(?:\s|$)|[)\]<>]|\*++(?:[\s)]|$)|["'](?:\s|$))"""
_INNER = "[A-Za-z0-9/_~=&+#$:@.,!?*'-]*+"
_SITE = rf"[hH]{_SCHEME}{_HOST}(?::\d{{1,4}})?"
_STRAIGHT = rf"{_INNER}(?:{_ESCAPE}{_INNER})*+"
_TARGET = rf"{_SITE}(?:[/?#]{_STRAIGHT}(?:\({_STRAIGHT}\){_STRAIGHT})*+)?"
#: Any letters and escaped characters; no `:` and `;`, so that it is one address, without entities.
_ODD = r"""[/?#](?:[^\s\x00-\x1f\x7f()\[\]\\`":;]|\\[!-/=?@^_{-~])*+"""
#: Words without brackets; a line break only before a letter, which begins no list or quote.
_WORDS = r"[^\[\]\n]*+(?:\n(?=[A-Za-z])[^\[\]\n]*+)*+"

_SHOWN = rf"(?<!!)\[{_WORDS}(?:\[{_WORDS}\](?!\(){_WORDS})*+\]"

#: `[words](target "title")`; the target is the group, none for a place on Reddit.
_INLINE = re.compile(
    rf"{_SHOWN}\( *(?:({_TARGET})|[/#][A-Za-z0-9/_~=&+#.?:-]*+)(?: \"[^\"\\\n]*+\")?\)"
)
#: With spaces in the target, which Reddit's old editor let pass.
_INLINE_SPACED = re.compile(
    rf"{_SHOWN}\(({_SITE}(?:[/?#]{_STRAIGHT})?)((?: [A-Za-z0-9/_~=&+#$:@.,!?*%-]+)+)\)"
)
_INLINE_ODD = re.compile(rf"{_SHOWN}\(({_SITE}{_ODD})\)")
#: What the parser's `normalizeLink` leaves as it is.
_NORMAL = re.compile(rf"https?://{_HOST}(?:/(?:[A-Za-z0-9/?:@&=+$,_.!~*'()#-]++|{_ESCAPE})*+)?")
_ADDRESS = re.compile(rf"(?<![\w.+/:@\0-])[hH]{_BARE}{_END}")
_WWW = re.compile(r"(?<![\w/.@-])www\.(?=[\w-]+\.)", re.I)
_CODE = re.compile(r"`[^`\n]+`")
_ESCAPED_BRACKET = re.compile(r"\\[\[\]<`]")
_AUTOLINK = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]*:")


def plain_links(text: str) -> list[str] | None:
    """The web addresses a text links to, in order; None where a parser must say.

    The text, one or more paragraphs, must be free of HTML's escapes, and what it is of must hold
    neither fenced code nor definitions of links.
    """
    # A definition, a fence; one character is found ten times as quickly as three.
    if ("]" in text and "]:" in text) or ("~" in text and "~~~" in text):
        return None
    text = with_scheme(text)
    if "\\" in text and _ESCAPED_BRACKET.search(text):
        return None
    if "<" in text and _AUTOLINK.search(text):
        return None
    if "`" in text:
        text = _CODE.sub("\0", text)  # stands beside no address that is taken
        if "`" in text:
            return None
    return _walk(text)


def _walk(text: str) -> list[str] | None:
    """The links from left to right; None when a bracket or an address is left over.

    The next bracket and the next `://` are found by `str.find`, and a pattern is asked only
    there: it would take ten times as long to look for its own beginnings.
    """
    links: list[str] = []
    inline = 0
    bracket, colon = text.find("["), text.find("://")
    while bracket >= 0 or colon >= 0:
        if bracket >= 0 and (colon < 0 or bracket < colon):
            found = _INLINE.match(text, bracket)
            end, address = (found.end(), found[1]) if found else _rare(text, bracket)
            if end < 0:
                bracket = text.find("[", bracket + 1)
                continue
            inline += 1
            if address:  # else a place on Reddit
                links.append(address)
        else:
            found = _ADDRESS.match(text, colon - (5 if text[colon - 1] in "sS" else 4))
            if found is None:
                return None
            links.append(found[0])
            end = found.end()
        if 0 <= bracket < end:
            bracket = text.find("[", end)
        if 0 <= colon < end:
            colon = text.find("://", end)
    return links if text.count("](") == inline else None


def _rare(text: str, bracket: int) -> tuple[int, str]:
    """(end, address) of an inline link whose target is not written as it is; -1 for none."""
    found = _INLINE_SPACED.match(text, bracket)
    if found:
        return found.end(), found[1] + quote(found[2])
    found = _INLINE_ODD.match(text, bracket)
    if found is None:
        return -1, ""
    address = unescapeAll(found[1])
    return found.end(), address if _NORMAL.fullmatch(address) else normalizeLink(address)


def with_scheme(text: str) -> str:
    """The text with `http://` before each host that begins with `www.`, as Reddit links it."""
    return _WWW.sub("http://www.", text) if has_bare_www(text) else text


def has_bare_www(text: str) -> bool:
    """Whether `www.`, in any case, stands somewhere without a scheme before it."""
    small = text.lower() if "W" in text else text
    hosts = small.count("www.")
    return hosts > 0 and hosts > small.count("://www.")
