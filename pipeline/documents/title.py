"""The title of a page, without the name of its site where that can be told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborNode

from pipeline.documents.blocks.told import letters
from pipeline.documents.head import Head, one_line

_TITLE_CHARS = 500
#: What parts a title from the name of its site, or of a section.
_SEPARATOR = re.compile(r"\s+(?:[-|–—·•»«/~]|::?)\s+|\s*\|\s*|:\s+")
_SITE_NAMES = ("og:site_name", "application-name", "apple-mobile-web-app-title", "twitter:site")
_MOST_HEADINGS = 40
#: Shorter names are in any address.
_NAME_CHARS = 4


def find_title(head: Head) -> str:
    """The title on one line; empty where the page has none.

    It is what <title> or Open Graph says.  Where a heading of the page stands at one end of it, and
    a separator follows, that is the title, one at the start before one at the end.  Not if the
    heading is the site's name: it says so in its metadata or its address, or the heading leads to
    the site's front page; nor if one at the end leads to another page, as names of sections do.
    Where <title> has the site's name alone, the first heading is the title, but on a front page.
    """
    candidate = head.metas.get("og:title") or head.title or head.metas.get("title", "")
    nodes = head.tagged("h1", "h2")[:_MOST_HEADINGS]
    headings = [(one_line(node.text(deep=True)), node) for node in nodes]
    headings = [(text, node) for text, node in headings if text]
    if not candidate:
        plain = [text for text, node in headings if not _is_site(text, node, head)]
        return next(iter(plain), headings[0][0] if headings else "")[:_TITLE_CHARS]
    for base in dict.fromkeys((candidate, head.title)):
        for text, node in headings:
            if text in _starts(base) and not _is_site(text, node, head):
                return text[:_TITLE_CHARS]
        for text, node in headings:
            if text in _ends(base) and not (_is_site(text, node, head) or _leads_away(node, head)):
                return text[:_TITLE_CHARS]
    first = next(((text, node) for text, node in headings if node.tag == "h1"), None)
    if first and is_site_name(candidate, head) and not _is_front(head.url):
        return (candidate if _is_site(*first, head) else first[0])[:_TITLE_CHARS]
    return _without_site(candidate, head)[:_TITLE_CHARS]


def _starts(title: str) -> set[str]:
    """A title, and what stands before each separator in it."""
    return {title, *(title[: match.start()].strip() for match in _SEPARATOR.finditer(title))}


def _ends(title: str) -> set[str]:
    """What stands behind each separator in a title."""
    return {title[match.end() :].strip() for match in _SEPARATOR.finditer(title)}


def _is_site(heading: str, node: LexborNode, head: Head) -> bool:
    return is_site_name(heading, head) or _leads_home(node, head.url)


def _leads_away(node: LexborNode, head: Head) -> bool:
    """Whether all of a heading is a link to another page."""
    link = _whole_link(node, head.url)
    if link is None:
        return False
    path = urlsplit(link).path.rstrip("/")
    return path != urlsplit(head.url).path.rstrip("/")


def is_site_name(text: str, head: Head) -> bool:
    """Whether a text is the name of the page's site, by its metadata or its address."""
    written = letters(text)
    if any(written == letters(head.metas.get(name, "")) for name in _SITE_NAMES):
        return True
    host = letters(urlsplit(head.url).hostname or "")
    return len(written) >= _NAME_CHARS and written in host


def _leads_home(node: LexborNode, url: str) -> bool:
    """Whether all of a heading is a link to the front page of the site."""
    link = _whole_link(node, url)
    if link is None:
        return False
    parts, here = urlsplit(link), urlsplit(url)
    if _is_front(url):
        return False  # the page is the front page itself
    home = parts.path.strip("/") in ("", "index.html", "index.php") and not parts.query
    return home and not parts.fragment and parts.netloc == here.netloc


def _is_front(url: str) -> bool:
    """Whether an address is that of a site's front page."""
    parts = urlsplit(url)
    return not parts.path.strip("/") and not parts.query


def _whole_link(node: LexborNode, url: str) -> str | None:
    """The address that all of a heading leads to, if it is one link."""
    link = node.css_first("a[href]")
    if link is None and node.parent is not None and node.parent.tag == "a":
        link = node.parent
    if link is None or letters(link.text(deep=True)) != letters(node.text(deep=True)):
        return None
    try:
        whole = urljoin(url, (link.attributes.get("href") or "").strip())
        urlsplit(whole)
    except ValueError:
        return None
    return whole


def _without_site(title: str, head: Head) -> str:
    """A title without the parts at its ends that are the site's name."""
    parts: Sequence[re.Match[str]] = list(_SEPARATOR.finditer(title))
    if parts and is_site_name(title[parts[-1].end() :], head):
        return title[: parts[-1].start()].strip()
    if parts and is_site_name(title[: parts[0].start()], head):
        return title[parts[0].end() :].strip()
    return title
