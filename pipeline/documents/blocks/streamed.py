"""Parts of a page that React sends late, at their places.

A server that streams sends `<template id="B:1">` and "Loading …" up to a comment `/$`, and later
`<div hidden id="S:1">` with what belongs there, which a script puts into its place
(`$RC("B:1","S:1")`, react-dom/server).  Parts of parts go to `<template id="P:1">` (`$RS`).
"""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

_SCRIPT = b"$RC("
_PARTS = 'div[hidden][id^="S:"]'
_NUMBER = re.compile(r"S:([0-9a-f]{1,8})")
_ENDS = ("/$", "/&")
#: Pages have tens; each is looked for in all of the page.
_MOST_PARTS = 100


def place_streamed_parts(parser: LexborHTMLParser) -> None:
    """Moves the parts to where a browser shows them; one without a place is shown where it is."""
    if _SCRIPT not in parser.raw_html:
        return
    for _ in range(_MOST_PARTS):
        # A node that has moved is another one, so each is looked for anew.
        part = parser.css_first(_PARTS)
        if part is None:
            return
        del part.attrs["hidden"]
        if (number := _NUMBER.fullmatch(part.attributes["id"] or "")) is None:
            continue
        for start in "PB":
            place = parser.css_first(f'template[id="{start}:{number[1]}"]')
            if place is not None:
                place.insert_after(part)
                part.decompose()
                _drop_fallback(place.next)
                break


def _drop_fallback(part: LexborNode | None) -> None:
    """Takes out what stands between a part and the end of its place."""
    if part is None:
        return
    fallback, following = list[LexborNode](), part.next
    while following is not None and not _is_end(following):
        fallback.append(following)
        following = following.next
    if following is not None:
        for node in fallback:
            node.decompose()


def _is_end(node: LexborNode) -> bool:
    return node.tag == "-comment" and (node.comment_content or "").strip().startswith(_ENDS)
