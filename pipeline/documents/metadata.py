"""Title, day of publication and canonical address of a page, from its markup alone.

They are read from the tree that extraction uses anyway.  A date that is only found
in the text of a page (an example in a manual, a footer) is none: an empty date is
better than a wrong one.  Nothing is read about authors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from urllib.parse import urljoin, urlsplit

from lxml.etree import XPath
from lxml.html import HtmlElement

#: Names of <meta> elements that hold the day of publication, the surest first: Open Graph
#: articles (ogp.me), schema.org, Dublin Core (dublincore.org), Parse.ly, Sailthru.
_DATE_NAMES = (
    "article:published_time",
    "og:article:published_time",
    "datepublished",
    "og:published_time",
    "dc.date.issued",
    "dcterms.issued",
    "dcterms.created",
    "dc.date.created",
    "citation_publication_date",
    "sailthru.date",
    "parsely-pub-date",
    "publish-date",
    "publish_date",
    "publication_date",
    "pubdate",
    "dc.date",
    "dcterms.date",
    "date",
)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_YMD = re.compile(r"(?<!\d)(\d{4})([-/.]?)(\d{1,2})\2(\d{1,2})(?!\d)")
_MDY = re.compile(
    r"(?i)\b(?P<m>[a-z]{3})[a-z]*\.?\s+(?P<d>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<y>\d{4})\b"
)
_DMY = re.compile(r"(?i)\b(?P<d>\d{1,2})\.?\s+(?P<m>[a-z]{3})[a-z]*\.?,?\s+(?P<y>\d{4})\b")
_IN_PATH = re.compile(r"/((?:19|20)\d\d)/(\d\d?)/(\d\d?)(?=/|$)")
_LD_VALUE = r'"{}"\s*:\s*("(?:[^"\\]|\\.){{1,500}}")'
_LD_DATE = re.compile(_LD_VALUE.format("datePublished"))
_MARKED = XPath("descendant::*/@itemprop[.='datePublished']/..|descendant::time[@pubdate]")
_FIRST = date(1990, 1, 1)  # the web's first year; htmldate uses 1995
_TITLE_CHARS = 500
#: What may stand after and before the heading in a title: a separator, and a site's name.
_AFTER = re.compile(r"(?:\s[-|–—·•:»«/]\s.*|: .*)?")
_BEFORE = re.compile(r"(?:.*\s[-|–—·•:»«/]\s|.*: )?")


def read_metas(tree: HtmlElement) -> dict[str, str]:
    """The first non-empty content of each <meta>, by lower-case name, property or itemprop."""
    found: dict[str, str] = {}
    for meta in tree.iter("meta"):
        name = meta.get("property") or meta.get("name") or meta.get("itemprop")
        content = _line(meta.get("content", ""))
        if name and content:
            found.setdefault(name.lower(), content)
    return found


def find_title(tree: HtmlElement, meta: Mapping[str, str]) -> str:
    """The title of a page, on one line, without the name of its site where that can be told.

    `meta` is what `read_metas` gives.  The site's name is gone when a heading of
    the page stands at one end of its title and a separator follows: "Heading - Site".
    """
    base = meta.get("og:title") or _line(_text(tree.find(".//title"))) or meta.get("title", "")
    headings = list(filter(None, (_line(_text(h)) for h in tree.iter("h1", "h2"))))
    for heading in headings:
        before, found, after = base.partition(heading)
        if found and _BEFORE.fullmatch(before) and _AFTER.fullmatch(after):
            return heading[:_TITLE_CHARS]
    if not base:
        base = next(iter(headings), "")
    return base[:_TITLE_CHARS]


def find_date(tree: HtmlElement, meta: Mapping[str, str], url: str, latest: date) -> str:
    """The day of publication as ISO text, or empty.  Days after `latest` are not believed."""
    # The address first: it names the day where the author was, a time stamp that of Greenwich.
    if day := date_in_path(url, latest):
        return day
    for candidate in (
        *_ld_dates(tree),
        *(meta[name] for name in _DATE_NAMES if name in meta),
        *_marked_times(tree),
    ):
        if day := parse_day(candidate, latest):
            return day
    return ""


def date_in_path(url: str, latest: date) -> str:
    """The day that an address names (`/2019/11/18/…`), or empty."""
    found = _IN_PATH.search(urlsplit(url).path)
    return _day(*map(int, found.groups()), latest=latest) if found else ""


def find_canonical(tree: HtmlElement, url: str) -> str:
    """The address that the page gives as its own, absolute, or empty."""
    for link in tree.iterfind(".//link[@rel]"):
        if "canonical" in link.get("rel", "").lower().split():
            try:
                address: str = urljoin(url, link.get("href", "").strip())
                good = urlsplit(address).scheme in ("http", "https") and urlsplit(address).netloc
            except ValueError:  # an address that cannot be split, such as "http://["
                continue
            if good and len(address) <= 2_000:
                return address
    return ""


def parse_day(text: str, latest: date) -> str:
    """The first day named in `text` ("2019-11-18T…", "Mon, 18 Nov 2019 …", "Nov. 18, 2019")."""
    text = text.strip()[:100]
    if match := _YMD.search(text):
        return _day(int(match[1]), int(match[3]), int(match[4]), latest=latest)
    named = _MDY.search(text) or _DMY.search(text)
    if named and named["m"].lower() in _MONTHS:
        month = _MONTHS.index(named["m"].lower()) + 1
        return _day(int(named["y"]), month, int(named["d"]), latest=latest)
    return ""


def _day(year: int, month: int, day: int, *, latest: date) -> str:
    try:
        found = date(year, month, day)
    except ValueError:
        return ""
    return found.isoformat() if _FIRST <= found <= latest else ""


def _ld_dates(tree: HtmlElement) -> list[str]:
    """`datePublished` of JSON-LD, found without parsing: much of it on the web is not valid."""
    found = []
    for script in tree.iter("script"):
        if script.get("type") == "application/ld+json" and (
            match := _LD_DATE.search(script.text or "")
        ):
            try:
                found.append(json.loads(match[1]))
            except ValueError:
                continue
    return found


def _marked_times(tree: HtmlElement) -> list[str]:
    """Days in elements that say they hold the day of publication."""
    found = []
    for element in _MARKED(tree):
        found.append(element.get("datetime") or element.get("content") or _text(element))
    # A page of one article often has one <time> only, which is then its own.
    times = [element.get("datetime") for element in tree.iter("time")]
    if len(set(times)) == 1 and times[0]:
        found.append(times[0])
    return found


def _text(element: HtmlElement | None) -> str:
    return "" if element is None else "".join(element.itertext())


def _line(text: str) -> str:
    return " ".join(text.replace("¶", " ").split())


def letters(text: str) -> str:
    """Lower-case letters and digits alone, for comparing."""
    return "".join(filter(str.isalnum, text)).lower()
