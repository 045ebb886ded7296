"""The day on which a page was published, from its address, its text near the title, its markup.

What a page shows beside its title comes before its markup, which often holds the day of another
version, or of another time zone; but a line that speaks of a change, or of when a member joined,
names no day of publication, and an earlier day than the markup's, which the page shows as well,
is that of something else.  The day of the last change is taken where there is no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import chain
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.documents.blocks import tags
from pipeline.documents.blocks.layout import Layout
from pipeline.documents.blocks.names import FAMILY
from pipeline.documents.blocks.told import letters
from pipeline.documents.dating import FEWEST_FIGURES, days_in, find_day, plain_day
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
#: And the day of the last change.
_CHANGED_METAS = (
    "article:modified_time", "og:updated_time", "datemodified", "dateupdate", "dcterms.modified",
    "dc.date.modified", "last-modified", "lastmod", "modified", "revised",
)  # fmt: skip
_JSON_LD = re.compile(r'"(?:datePublished|dateCreated)"\s*:\s*"([^"]{8,40})"')
_CHANGED_JSON_LD = re.compile(r'"dateModified"\s*:\s*"([^"]{8,40})"')
_IN_PATH = re.compile(
    r"[/_-]((?:19|20)\d\d/\d\d?/\d\d?(?=[/_.]|$)|(?:19|20)\d\d-\d\d?-\d\d?(?=[/_.-]|$)"
    r"|\d\d-\d\d-20\d\d(?=[/_.-]|$))"
)
#: In data for scripts, which may be JSON within JSON; of one that holds more, the beginning.
_IN_SCRIPT = re.compile(
    r'"(?i:(?:first|date)?_?publish(?:ed|ing)?_?(?:at|date|time|on)?)\\?"\s*:\s*\\?"(\d{4}-\d\d-\d\d)'
)
_MOST_SCRIPT = 500_000
_MARKED = frozenset(("datePublished", "dateCreated"))
_TIME_NAMES = ("publish", "entry-date")
_DATE_NAMES = 'abbr[class*="published"], [class*="date"], [id*="date"]'
_IN_DATE_NAMES = (b"date", b"published")
_MOST_NAMED = 30
#: Longer blocks are prose, in which a day may be any …
_SHORT_CHARS, _LINE_CHARS = 200, 80
#: … but for one beside a word for publishing, in blocks of at most so many characters, and at
#: most so many before or after it; or in the first characters of a block.
_PHRASE_CHARS, _PHRASE_REACH, _DATELINE_CHARS = 600, 70, 40
_AFTER_DATELINE = frozenset(".)-–—:|„“\"'/")
#: How far from the title a day is still that of the page, in blocks.
_BY_LINE, _BELOW, _ABOVE = 12, 8, 6
#: Days by which markup is later than a day that is another's; one day is another time zone.
_LATER = 2
_TELLING = FAMILY["meta"] | FAMILY["author"]
#: Languages (and none given) in which "3/5" is 5 March; but not where English is day first, told
#: by the domain of the country.
_MONTH_FIRST = ("", "en", "en-us")
_DAY_FIRST_DOMAINS = frozenset("uk ie au nz in za sg my hk ke ng".split())
#: Words for publishing and for changing in languages of the web, as stems.
_PUBLISHING_STEMS = (
    "publish", "posted", "veröffentlich", "erschienen", "erstellt", "geschrieben", "gepostet",
    "eingestellt", "publié", "mis en ligne", "publicad", "pubblicat", "gepubliceerd", "geplaatst",
    "opublikowan", "publicerad", "udgivet", "publisert", "julkaistu", "опубликован", "yayınlan",
)  # fmt: skip
_PUBLISHING = re.compile(rf"\b(?:{'|'.join(_PUBLISHING_STEMS)})", re.IGNORECASE)
#: Of those that are ASCII: looked for first in such texts, in a tenth of the time.
_ASCII_PUBLISHING = [stem for stem in _PUBLISHING_STEMS if stem.isascii()]
_CHANGING = re.compile(
    r"\b(?:updated?|modified|revised|edited|aktualisier|geändert|änderung|stand:|mis à jour"
    r"|modifié|actualizad|atualizad|aggiornat|bijgewerkt|aktualizac|uppdaterad|opdateret"
    r"|oppdatert|päivitetty|обновлен|güncellen)",
    re.IGNORECASE,
)
#: Of a member of a forum, not of a post; at the end of the block before, or in the line.
_JOINING = re.compile(
    r"\b(?:join(?:ed|\sdate)|registered|member\ssince|registriert|beigetreten|inscri[tp])",
    re.IGNORECASE,
)
_LABEL_CHARS = 16


@dataclass(frozen=True, slots=True)
class _DatedLine:
    """A line of a short block that names a day."""

    block: int
    day: date
    telling: bool  # the names of its elements speak of dates or authors
    chars: int
    changing: bool  # its words speak of a change


def find_date(
    parser: LexborHTMLParser,
    head: Head,
    layout: Layout,
    figures: Sequence[int],
    latest: date,
    title: str,
) -> str:
    """The day of publication as ISO text, or empty.  Days after `latest` are not believed.

    `figures` says how many each block has: most have too few for a day, and are not read.
    `title` is the page's: the heading that says the same is where days are looked for.
    """
    dated = [block for block, count in enumerate(figures) if count >= FEWEST_FIGURES]
    page = _Page(parser, head, layout, dated, latest, title)
    day = page.found()
    return day.isoformat() if day else ""


def date_in_path(url: str, latest: date) -> str:
    """The day that an address names (`/2019/11/18/…`), or empty."""
    path = urlsplit(url).path
    match = _IN_PATH.search(path)
    day = (find_day(match[1], latest) if match else None) or plain_day(path, latest)
    return day.isoformat() if day else ""


class _Page:
    """Candidates for the day, a method a place; each yields them in order."""

    def __init__(
        self,
        parser: LexborHTMLParser,
        head: Head,
        layout: Layout,
        dated: Sequence[int],
        latest: date,
        title: str,
    ) -> None:
        self._parser, self._head, self._layout, self._latest = parser, head, layout, latest
        self._dated = dated  # the blocks that may name a day
        self._month_first = _is_month_first(head)
        self._title_is = title

    def found(self) -> date | None:
        """The first day of the first place that names one."""
        for candidates in (
            self.address, self.shown_or_marked_up, self.marked, self.times, self.above_title,
            self.named, self.phrased, self.datelines, self.dated, self.anywhere, self.scripts,
            self.changed,
        ):  # fmt: skip
            for day in candidates():
                return day
        return None

    def shown_or_marked_up(self) -> Iterator[date]:
        """Near the title, unless the markup's day is later and shown elsewhere on the page.

        Then what stands near the title is the day of what the text is about, of an earlier part
        of a series, or when a poster became a member.
        """
        shown = list(self.near_title())
        markup = next(chain(self.metas(), self.json_ld()), None)
        if (
            shown
            and markup is not None
            and (markup - shown[0]).days >= _LATER
            and any(line.day == markup for line in self._lines)
        ):
            yield markup
        yield from shown
        if markup is not None:
            yield markup

    def address(self) -> Iterator[date]:
        """Of the page's address: it names the day where the author was."""
        if day := date_in_path(self._head.url, self._latest):
            yield date.fromisoformat(day)

    def near_title(self) -> Iterator[date]:
        """In a by-line below the title, or in a short line."""
        if self._title is not None:
            for line in self._lines:
                if line.telling and 0 <= line.block - self._title <= _BY_LINE:
                    yield line.day
            for line in self._lines:
                if 0 <= line.block - self._title <= _BELOW and line.chars < _LINE_CHARS:
                    yield line.day

    def json_ld(self) -> Iterator[date]:
        """In JSON-LD, found without parsing: much of it on the web is not valid."""
        for block in _JSON_LD.findall(self._head.json_ld):
            yield from self._read(block)

    def metas(self) -> Iterator[date]:
        """In <meta> elements."""
        yield from self._metas(_METAS)

    def changed(self) -> Iterator[date]:
        """In what speaks of the last change: lines, then markup."""
        yield from (line.day for line in self._all_lines if line.changing)
        for said in _CHANGED_JSON_LD.findall(self._head.json_ld):
            yield from self._read(said)
        yield from self._metas(_CHANGED_METAS)

    def _metas(self, names: Iterable[str]) -> Iterator[date]:
        for name in names:
            if name in self._head.metas:
                yield from self._read(self._head.metas[name], plain=True)

    def marked(self) -> Iterator[date]:
        """In elements that say they hold the day of publication."""
        for node in self._head.nodes:
            attributes = node.attributes
            said = attributes.get("itemprop")
            marked = said and not _MARKED.isdisjoint(said.split())
            if marked or ("pubdate" in attributes and node.tag == "time"):
                yield from self._of(node)

    def times(self) -> Iterator[date]:
        """In <time>: one that is named so, the only one, the first."""
        times = self._head.tagged("time")
        for node in times:
            names = (node.attributes.get("class") or "").lower()
            if any(name in names for name in _TIME_NAMES):
                yield from self._of(node)
        for node in times:
            yield from self._of(node)

    def above_title(self) -> Iterator[date]:
        """In a short line just above the title."""
        if self._title is not None:
            for line in self._lines:
                if -_ABOVE <= line.block - self._title < 0 and line.chars < _LINE_CHARS:
                    yield line.day

    def named(self) -> Iterator[date]:
        """In a block whose names speak of dates or authors."""
        yield from (line.day for line in self._lines if line.telling)

    def dated(self) -> Iterator[date]:
        """In any element whose names hold the word "date"."""
        if not any(word in self._parser.raw_html for word in _IN_DATE_NAMES):
            return  # half of all pages, and the search of the tree takes long
        for node in self._parser.css(_DATE_NAMES)[:_MOST_NAMED]:
            text = (node.attributes.get("title") or "") + " " + node.text(deep=True)[:_SHORT_CHARS]
            yield from self._read(text)

    def phrased(self) -> Iterator[date]:
        """Beside a word for publishing: "This entry was posted on Monday, 3 March 2008 at 5 pm"."""
        for block in self._dated:
            text = self._layout.text[block]
            if len(text) < _PHRASE_CHARS and (word := _publishing(text)):
                reach = slice(max(0, word.start() - _PHRASE_REACH), word.end() + _PHRASE_REACH)
                yield from self._read(text[reach])

    def datelines(self) -> Iterator[date]:
        """At the start of a paragraph below the title: "BERLIN, 3.5.2024 – "."""
        first = self._title or 0
        for text in self._layout.text[first : first + _BY_LINE]:
            for day, _, end in days_in(text[:_DATELINE_CHARS], self._latest, self._month_first):
                if text[end : end + 3].strip()[:1] in _AFTER_DATELINE:
                    yield day

    def scripts(self) -> Iterator[date]:
        """In the data that a script makes the page of."""
        for node in self._head.tagged("script"):
            if "src" not in node.attributes:
                for said in _IN_SCRIPT.findall(node.text(deep=True)[:_MOST_SCRIPT]):
                    yield from self._read(said)

    def anywhere(self) -> Iterator[date]:
        """In a short line anywhere on a page that has no prose to name other days."""
        yield from (line.day for line in self._lines if line.chars < _LINE_CHARS)

    @cached_property
    def _title(self) -> int | None:
        return _title_block(self._layout, self._title_is)

    @cached_property
    def _lines(self) -> list[_DatedLine]:
        return [line for line in self._all_lines if not line.changing]

    @cached_property
    def _all_lines(self) -> list[_DatedLine]:
        return list(self._dated_lines())

    def _dated_lines(self) -> Iterator[_DatedLine]:
        layout = self._layout
        for block in self._dated:
            text, owner = layout.text[block], layout.owner[block]
            if len(text) >= _SHORT_CHARS or layout.code[owner] >= 0:
                continue
            own = layout.own[owner] | layout.own[max(layout.parent[owner], 0)]
            telling = bool((own | layout.inner[block]) & _TELLING)
            label = layout.text[block - 1][-_LABEL_CHARS:] if block else ""
            for line in text.split("\n"):
                for day in self._read(line):
                    if not _JOINING.search(label + " " + line):
                        changing = bool(_CHANGING.search(line) and not _PUBLISHING.search(line))
                        yield _DatedLine(block, day, telling, len(line), changing)

    def _of(self, node: LexborNode) -> Iterator[date]:
        value = node.attributes.get("datetime") or node.attributes.get("content")
        yield from self._read(value or node.text(deep=True)[:_SHORT_CHARS])

    def _read(self, text: str, plain: bool = False) -> Iterator[date]:
        day = find_day(text, self._latest, self._month_first)
        if day is None and plain:
            day = plain_day(text, self._latest)
        if day is not None:
            yield day


def _publishing(text: str) -> re.Match[str] | None:
    """The first word for publishing in a text."""
    if text.isascii():
        lower = text.lower()
        if not any(stem in lower for stem in _ASCII_PUBLISHING):
            return None
    return _PUBLISHING.search(text)


def _is_month_first(head: Head) -> bool:
    """Whether "3/5" is 5 March on a page, by its language and its domain."""
    domain = (urlsplit(head.url).hostname or "").rpartition(".")[2]
    return head.language in _MONTH_FIRST and domain not in _DAY_FIRST_DOMAINS


def _title_block(layout: Layout, title: str) -> int | None:
    """The block of the heading that is the title, or of the first <h1>."""
    wanted = letters(title)
    first: int | None = None
    for block, owner in enumerate(layout.owner):
        level = tags.HEADINGS.get(layout.tag[owner])
        if level is not None and wanted and letters(layout.text[block]) == wanted:
            return block
        if level == 1 and first is None:
            first = block
    return first
