"""From a page's HTML to its text, title, date and canonical address: pure functions.

A page is parsed once, as browsers do, and its main text is a choice among its blocks (`blocks/`);
by setting, trafilatura finds it.  Where the text found is short against the running text of the
page, the other way has a second look; posts of a thread that the markup lacks come from JSON-LD.
`Extracted.extractor` says which way it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from selectolax.lexbor import LexborHTMLParser

from pipeline.documents.blocks.choose import choose
from pipeline.documents.blocks.features import Basics, basics
from pipeline.documents.blocks.layout import Layout, read_layout
from pipeline.documents.blocks.model import Model, read_model
from pipeline.documents.blocks.render import render
from pipeline.documents.blocks.structure import Structure, structure
from pipeline.documents.by_trafilatura.find import find_text
from pipeline.documents.head import Head, read_head
from pipeline.documents.page import Extracted
from pipeline.documents.posts import read_posts, with_posts
from pipeline.documents.published import find_date
from pipeline.documents.title import find_title
from pipeline.store.unspaced import count_words, has_words

BLOCKS, TRAFILATURA, RUNNING, JSON_LD = "blocks", "trafilatura", "running", "json-ld"

#: A text is short when it has less than this share of the words of running text …
_SHORT_SHARE = 0.25
#: … on a page with so many of them; and another is better with so many times its words.
_RUNNING_WORDS, _MUCH_MORE = 60, 2.0


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """A page that was parsed and walked."""

    html: str
    parser: LexborHTMLParser
    head: Head
    layout: Layout
    model: Model
    posts: Sequence[str]  # of a thread, in JSON-LD


def prepare(html: str, url: str, model: str = "") -> ParsedPage:
    """Parses a page.  `model` is the file of a trained model, ours where it is empty."""
    parser = LexborHTMLParser(html)
    trained = read_model(model)
    layout = read_layout(parser, trained.lexicon)
    head = read_head(parser, url)
    return ParsedPage(html, parser, head, layout, trained, read_posts(head.json_ld))


def finish(
    source: ParsedPage, latest: date, extractor: str = BLOCKS, captions: bool = False
) -> Extracted:
    """Finds the main text of a page, by `extractor` first, and what else is said of it.

    `latest` is the last day that its date may name: the day of fetching.
    """
    title = find_title(source.head)
    text, used, figures = "", "", list[int]()
    if source.layout.text:
        page = _TextFinder(source, title, captions)
        text, used = _text(page, extractor)
        figures = page.figures()
    if (whole := with_posts(text, source.posts)) != text:
        text, used = whole, JSON_LD
    day = find_date(source.parser, source.head, source.layout, figures, latest, title)
    return Extracted(text, title, day, source.head.canonical, used)


def extract(html: str, url: str, latest: date) -> Extracted:
    """`prepare` and `finish` in one."""
    return finish(prepare(html, url), latest)


def _text(page: _TextFinder, extractor: str) -> tuple[str, str]:
    """The text and who found it, `extractor` first."""
    ways = {BLOCKS: page.by_blocks, TRAFILATURA: page.by_trafilatura}
    text = ways.pop(extractor)()
    running = page.running_words()
    if running >= _RUNNING_WORDS and not has_words(text, _SHORT_SHARE * running):
        words = count_words(text)
        for other, way in ways.items():
            longer = way()
            if count_words(longer) >= _MUCH_MORE * words:
                text, extractor, words = longer, other, count_words(longer)
        if not words:
            text, extractor = page.all_running(), RUNNING
    return text, extractor


class _TextFinder:
    """The ways to the text of a page; what they share is computed once."""

    def __init__(self, source: ParsedPage, title: str, captions: bool) -> None:
        self._source, self._title, self._captions = source, title, captions
        self._tree: Structure = structure(source.layout)
        self._basics: Basics = basics(source.layout, self._tree, source.model.lexicon)

    def by_blocks(self) -> str:
        """The blocks that the model and the rules after it choose."""
        source = self._source
        chances = source.model.chances(source.layout, self._tree, self._basics, source.head)
        words = self._basics.letters["words"]
        chosen = choose(source.layout, self._tree, chances, words, self._title, self._captions)
        return render(source.layout, self._tree, chosen.tolist())

    def by_trafilatura(self) -> str:
        """What trafilatura finds."""
        return find_text(self._source.html, self._title)

    def all_running(self) -> str:
        """All running text of the page, where nothing else found any."""
        chosen = self._basics.running > 0
        return render(self._source.layout, self._tree, chosen.tolist())

    def figures(self) -> list[int]:
        """How many figures each block has."""
        figures: list[int] = self._basics.letters["digits"].tolist()
        return figures

    def running_words(self) -> int:
        """How many words the blocks of running text have."""
        return int(self._basics.letters["words"][self._basics.running > 0].sum())
