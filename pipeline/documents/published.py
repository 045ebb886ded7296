"""The day on which a page was published, from its address, its text near the title, its markup.

What a page shows beside its title comes before its markup, which often holds the day of another
version, or of another time zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import cached_property
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.documents.blocks import tags
from pipeline.documents.blocks.layout import Layout
from pipeline.documents.blocks.names import FAMILY
from pipeline.documents.dating import find_day, plain_day
from pipeline.documents.head import Head

#: Names of <meta> elements that hold the day of publication, the surest first: Open Graph
#: articles (ogp.me), schema.org, Dublin Core (dublincore.org), Highwire, Sailthru, Parse.ly, Bing.
_METAS = (
    "article:published_time", "og:article:published_time", "datepublished", "og:published_time",
    "article:published", "dc.date.issued", "dcterms.issued", "dcterms.created", "dc.date.created",
    "citation_publication_date", "citation_date", "sailthru.date", "parsely-pub-date",
    "publish-date", "publish_date", "publication_date", "pubdate", "published", "bt:pubdate",
    "article.published", "dc.date", "dcterms.date", "dc.created", "datecreated", "created",
    "og:pubdate", "article_date_original", "date", "prism.publicationdate",
)  # fmt: skip
_JSON_LD = re.compile(r'"(?:datePublished|dateCreated)"\s*:\s*"([^"]{8,40})"')
#: Every day in figures or words has two of them in a row: its year.
_FIGURES = re.compile(r"\d\d")
_IN_PATH = re.compile(r"[/_-]((?:19|20)\d\d[/-]\d\d?[/-]\d\d?)(?=[/_.-]|$)")
_MARKED = '[itemprop~="datePublished"], time[pubdate]'
_TIME_NAMES = ("publish", "entry-date")
_DATE_NAMES = 'abbr[class*="published"], [class*="date"], [id*="date"]'
_MOST_NAMED = 30
#: Longer blocks are prose, in which a day may be any.
_SHORT_CHARS, _LINE_CHARS = 200, 80
#: How far from the title a day is still that of the page, in blocks.
_BY_LINE, _BELOW, _ABOVE = 12, 8, 6
_TELLING = FAMILY["meta"] | FAMILY["author"]
#: Languages (and none given) in which "3/5" is 5 March.
_MONTH_FIRST = ("", "en", "en-us")


def find_date(parser: LexborHTMLParser, head: Head, layout: Layout, latest: date) -> str:
    """The day of publication as ISO text, or empty.  Days after `latest` are not believed."""
    page = _Page(parser, head, layout, latest)
    for candidates in (
        page.address, page.near_title, page.json_ld, page.metas, page.marked, page.times,
        page.above_title, page.named, page.dated, page.anywhere,
    ):  # fmt: skip
        for day in candidates():
            return day.isoformat()
    return ""


def date_in_path(url: str, latest: date) -> str:
    """The day that an address names (`/2019/11/18/…`), or empty."""
    path = urlsplit(url).path
    match = _IN_PATH.search(path)
    day = (find_day(match[1], latest) if match else None) or plain_day(path, latest)
    return day.isoformat() if day else ""


class _Page:
    """Candidates for the day, a method a place; each yields them in order."""

    def __init__(self, parser: LexborHTMLParser, head: Head, layout: Layout, latest: date) -> None:
        self._parser, self._head, self._layout, self._latest = parser, head, layout, latest
        self._month_first = head.language in _MONTH_FIRST
        self._title = next(
            (
                block
                for block, owner in enumerate(layout.owner)
                if layout.tag[owner] == tags.NUMBER["h1"]
            ),
            None,
        )

    def address(self) -> Iterator[date]:
        """Of the page's address: it names the day where the author was."""
        if said := date_in_path(self._head.url, self._latest):
            yield date.fromisoformat(said)

    def near_title(self) -> Iterator[date]:
        """In a by-line below the title, or in a short line."""
        if self._title is not None:
            for block, day, telling in self._blocks:
                if telling and 0 <= block - self._title <= _BY_LINE:
                    yield day
            for block, day, _ in self._blocks:
                if 0 <= block - self._title <= _BELOW and self._is_line(block):
                    yield day

    def json_ld(self) -> Iterator[date]:
        """In JSON-LD, found without parsing: much of it on the web is not valid."""
        for said in _JSON_LD.findall(self._head.json_ld):
            yield from self._read(said)

    def metas(self) -> Iterator[date]:
        """In <meta> elements."""
        for name in _METAS:
            if name in self._head.metas:
                yield from self._read(self._head.metas[name], plain=True)

    def marked(self) -> Iterator[date]:
        """In elements that say they hold the day of publication."""
        for node in self._parser.css(_MARKED):
            yield from self._of(node)

    def times(self) -> Iterator[date]:
        """In <time>: one that is named so, the only one, the first."""
        times = self._parser.css("time")
        for node in times:
            names = (node.attributes.get("class") or "").lower()
            if any(name in names for name in _TIME_NAMES):
                yield from self._of(node)
        for node in times:
            yield from self._of(node)

    def above_title(self) -> Iterator[date]:
        """In a short line just above the title."""
        if self._title is not None:
            for block, day, _ in self._blocks:
                if -_ABOVE <= block - self._title < 0 and self._is_line(block):
                    yield day

    def named(self) -> Iterator[date]:
        """In a block whose names speak of dates or authors."""
        yield from (day for _, day, telling in self._blocks if telling)

    def dated(self) -> Iterator[date]:
        """In any element whose names hold the word "date"."""
        for node in self._parser.css(_DATE_NAMES)[:_MOST_NAMED]:
            said = (node.attributes.get("title") or "") + " " + node.text(deep=True)[:_SHORT_CHARS]
            yield from self._read(said)

    def anywhere(self) -> Iterator[date]:
        """In a short line anywhere on a page that has no prose to name other days."""
        yield from (day for block, day, _ in self._blocks if self._is_line(block))

    def _is_line(self, block: int) -> bool:
        return len(self._layout.text[block]) < _LINE_CHARS

    @cached_property
    def _blocks(self) -> list[tuple[int, date, bool]]:
        """Short blocks with a day, each with that day and whether names speak of dates."""
        layout = self._layout
        blocks = []
        for block, (text, owner) in enumerate(zip(layout.text, layout.owner, strict=True)):
            if len(text) < _SHORT_CHARS and layout.code[owner] < 0 and _FIGURES.search(text):
                for day in self._read(text):
                    own = layout.own[owner] | layout.own[max(layout.parent[owner], 0)]
                    blocks.append((block, day, bool((own | layout.inner[block]) & _TELLING)))
        return blocks

    def _of(self, node: LexborNode) -> Iterator[date]:
        said = node.attributes.get("datetime") or node.attributes.get("content")
        yield from self._read(said or node.text(deep=True)[:_SHORT_CHARS])

    def _read(self, text: str, plain: bool = False) -> Iterator[date]:
        day = find_day(text, self._latest, self._month_first)
        if day is None and plain:
            day = plain_day(text, self._latest)
        if day is not None:
            yield day
