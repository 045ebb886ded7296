"""Bare addresses in running text: where each begins and where it ends.

Most end in a way that a pattern is sure of, in a microsecond; the others are asked of
linkify-it, whose rules for brackets, quotes and full stops are those of most Markdown
readers.  The text is as in HTML: `&` and `<` are escaped, and a `<` begins a tag.
"""

from __future__ import annotations

import html
import re

from linkify_it import LinkifyIt
from stringzilla import count

#: How an address of the web begins, in any case; a flag would cost what stands before its speed.
SCHEME = "[hH][tT][tT][pP][sS]?://"
_HOST = r"(?:[A-Za-z0-9]++(?:-++[A-Za-z0-9]++)*+\.)+[A-Za-z]{2,}+"
#: What may stand anywhere in a path; `.,;!?` only before more of it.
_PATH = "(?:[A-Za-z0-9/_~=+#$:@%-]++|&(?![lg]t;)(?:amp;)?)*+"
_MORE = rf"(?:[.,;!?](?=[A-Za-z0-9/_=+%-]){_PATH})*+"
#: What ends an address for sure.
_END = (
    r"(?<!~)(?=(?:\.++|!++|\?++|[,;])?+(?:\s|<|$)|[)\]>]|&[lg]t;|\*++(?:[\s)<]|$)"
    r"""|["'](?:\s|<|$))"""
)
_SURE = re.compile(rf"(?<![A-Za-z0-9+]){SCHEME}{_HOST}(?:/{_PATH}{_MORE})?{_END}")

#: A scheme that is no part of a longer word or scheme.
_BEGIN = re.compile(r"(?<![A-Za-z0-9+])https?:", re.I)
#: As far as an address without a sure end can go, within so many characters; longer ones are
#: none (`store/addresses.py`).
_RUN = re.compile(r"[^\s<>&]*+(?:&(?![lg]t;)[^\s<>&]*+)*+")
_LONGEST = 2_100
#: Full stops and brackets of other scripts end an address, wherever they stand.
_WIDE_END = re.compile("[\u3001\u3002\u3008-\u3011\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f]")
#: Quotes that touch an address are no part of it, nor are the dots of a text that goes on.
_QUOTES = "\u2018\u2019\u201c\u201d\u00ab\u00bb\u2026"
#: Bold and struck marks that touch an address are no part of it.
_MARKS = re.compile(r"(?:~~|\*)+$")
#: Only what has a scheme: names with dots are files and methods as often as hosts.
_LINKIFY = LinkifyIt(options={"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})

#: What ends an address, so that another may begin behind it.
_BEFORE = re.compile(r"[\s<>()\[\]\"|]")
#: Hosts that begin with `www.`, as people write it, and have no scheme.  Looked for by their
#: letters first, which is ten times as quick as by what stands before them.
_WWW = {www: re.compile(rf"{www}(?<![\w/.@-]....)(?=[\w-]+\.)") for www in ("www.", "Www.", "WWW.")}


def sure_addresses(text: str) -> list[str] | None:
    """The bare addresses of a text, in order; None where one has no sure end."""
    addresses: list[str] = []
    colon = text.find("://")
    while colon >= 0:
        sure = _sure_address(text, colon)
        if sure is None:
            return None
        address, end = sure
        addresses.append(address)
        colon = text.find("://", end)
    return addresses


def bare_address(text: str, colon: int) -> tuple[str, int]:
    """(address, where it ends) of the one whose `://` is at `colon`; the address empty for none."""
    return _sure_address(text, colon) or _asked_address(text, colon)


def _sure_address(text: str, colon: int) -> tuple[str, int] | None:
    match = _SURE.match(text, address_start(text, colon))
    return match and (match[0].replace("&amp;", "&"), match.end())


def _asked_address(text: str, colon: int) -> tuple[str, int]:
    """`bare_address` by linkify-it, in some 15 microseconds."""
    begin = _BEGIN.match(text, address_start(text, colon))
    if begin is None or begin.end() != colon + 1:
        return "", colon + 3
    run = _RUN.match(text[colon + 1 : colon + _LONGEST])
    rest = html.unescape(run[0] if run else "")
    if not rest.isascii():
        rest = _WIDE_END.split(rest, maxsplit=1)[0].rstrip(_QUOTES)
    rest = _MARKS.sub("", rest[: int(_LINKIFY.test_schema_at(rest, "http:", 0))])
    end = colon + 1 + len(html.escape(rest, quote=False))
    return begin[0] + rest if rest else "", max(end, colon + 3)


def address_start(text: str, colon: int) -> int:
    """Where an address of the web begins whose `://` is at `colon`."""
    return max(colon - (5 if text[colon - 1 : colon] in ("s", "S") else 4), 0)


def with_scheme(text: str) -> str:
    """The text with `http://` before each host that begins with `www.`, as Reddit links it.

    A host within an address (`?u=www.a.io`) stays.
    """
    for www, pattern in _WWW.items():
        if _is_bare(text, www):
            text = pattern.sub(_with_scheme, text)
    return text


def _with_scheme(www: re.Match[str]) -> str:
    before = _BEFORE.split(www.string[max(0, www.start() - _LONGEST) : www.start()])[-1]
    return www[0] if "://" in before else f"http://{www[0]}"


def has_bare_www(text: str) -> bool:
    """Whether `www.` stands somewhere without a scheme before it."""
    return any(_is_bare(text, www) for www in _WWW)


def _is_bare(text: str, www: str) -> bool:
    hosts = count(text, www)
    return bool(hosts and hosts > count(text, f"://{www}"))
