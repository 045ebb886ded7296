"""What the head of a page says to machines: meta elements, a refresh, a licence.

The head is read by an HTML parser, so that comments, scripts, styles, text areas, templates and
other attributes say nothing.  It ends where `</head>` or `<body>` stands as a tag, however long
it is; what stands before it in the source counts though a stray element has closed the head
before.  A page without either tag has the head that the parser gives it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.pages.preferences.robots_directives import DIRECTIVES
from pipeline.pages.preferences.rsl import is_license, is_rsl
from pipeline.store.addresses import resolve

_END = re.compile(r"<(?:/head|body)(?=[\s/>]|$)", re.I)
#: Words without which nothing in a head is of interest, in lower case.
_WORDS = (*(name for name in DIRECTIVES if name != "none"), "reservation", "refresh", "rsl+xml")
#: A directive that stands in styles as well: of interest beside the name of the element alone.
_NONE, _ELEMENT = "none", "<meta"
#: Elements whose content is text, or stands for itself.
_WITHOUT_TAGS = ("script", "style", "textarea", "title", "template", "iframe", "noframes", "xmp")
#: It goes behind the part that is parsed: where it is no element, the part ended inside
#: something else, such as a comment.
_MARK = "webtext-end-of-head"
#: Elements of a head with attributes, in which a part may end.
_TAGS = ("<html", "<head", "<meta", "<link", "<base")
#: Elements that may say something to machines.
_TELLING = "meta, link, script, base"
_MOST_PARTS = 4  # ends that are tried before the whole page is parsed
_REFRESH = re.compile(r"\s*(\d{1,6})[\d.]*\s*[;,]?\s*(?:url\s*=\s*)?([\"']?)(.*)", re.I | re.S)


class PageHead(NamedTuple):
    """What a head says."""

    metas: tuple[tuple[str, str], ...] = ()  # (name in lower case, content)
    refresh: str = ""  # content of the first refresh that does not stand in a noscript element
    license_links: tuple[str, ...] = ()  # addresses, as they stand there
    licenses: tuple[str, ...] = ()  # RSL documents that stand in the page itself
    base: str = ""  # address of the base element, as it stands there

    def base_of(self, url: str) -> str:
        """What addresses in the page at `url` are relative to."""
        return (self.base and resolve(url, self.base)) or url


def read_head(text: str) -> PageHead:
    """The head of a page."""
    start = 0
    for _ in range(_MOST_PARTS):
        end = _end_after(text, start)
        if end is None:
            break
        part = text[:end]
        if not _is_of_interest(part) and not _may_be_open(part):
            return PageHead()
        tree = LexborHTMLParser(f'{part}<meta name="{_MARK}">')
        head = _read(tree.css(_TELLING))
        if (_MARK, "") in head.metas:
            return head._replace(metas=tuple(pair for pair in head.metas if pair[0] != _MARK))
        start = end + 1
    if not _is_of_interest(text):
        return PageHead()
    whole = LexborHTMLParser(text).head
    return _read(whole.css(_TELLING)) if whole else PageHead()


def _end_after(text: str, start: int) -> int | None:
    """The place of the next tag that may end the head."""
    end = _END.search(text, start)
    return end.start() if end else None


def _is_of_interest(part: str) -> bool:
    small = html.unescape(part).lower() if "&" in part else part.lower()
    return any(word in small for word in _WORDS) or (_NONE in small and _ELEMENT in small)


def _may_be_open(part: str) -> bool:
    """True where a part may end inside something in which tags are no tags."""
    small = part.lower()
    last_tag = small[max(0, *(small.rfind(tag) for tag in _TAGS)) :]
    return (
        last_tag.count('"') % 2 == 1
        or last_tag.count("'") % 2 == 1
        or small.rfind("<!--") > small.rfind("-->")
        or any(small.rfind(f"<{name}") > small.rfind(f"</{name}") for name in _WITHOUT_TAGS)
    )


def _read(elements: Iterable[LexborNode]) -> PageHead:
    """What elements say, in their order in the page."""
    metas: list[tuple[str, str]] = []
    links: list[str] = []
    licenses: list[str] = []
    refresh = base = ""
    for element in elements:
        attributes = element.attributes
        kind = attributes.get("type") or ""
        if element.tag == "meta":
            content = attributes.get("content") or ""
            if name := (attributes.get("name") or "").strip().lower():
                metas.append((name, content))
            equivalent = (attributes.get("http-equiv") or "").strip().lower()
            if equivalent == "refresh" and not refresh and not _without_script(element):
                refresh = content
        elif element.tag == "base":
            base = base or attributes.get("href") or ""
        elif element.tag == "script" and is_rsl(kind):
            licenses.append(element.text())
        elif element.tag == "link" and is_license(attributes.get("rel") or "", kind):
            links.append(attributes.get("href") or "")
    return PageHead(tuple(metas), refresh, tuple(links), tuple(licenses), base)


def _without_script(element: LexborNode) -> bool:
    """True inside a noscript element: what is told there to a browser is no redirect of the page,
    but sends it to a page that asks for scripts."""
    parent = element.parent
    while parent is not None and parent.tag != "noscript":
        parent = parent.parent
    return parent is not None


def refresh_target(value: str, most_seconds: float) -> str:
    """Where a Refresh header or meta element leads within so many seconds; empty where nowhere.

    HTML, 4.2.5.3, "shared declarative refresh steps".
    """
    match = _REFRESH.match(value)
    if match is None or float(match[1]) > most_seconds:
        return ""
    target = match[3].partition(match[2])[0] if match[2] else match[3]
    return target.strip()
