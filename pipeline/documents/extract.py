"""From a page's HTML to its text, title, date and canonical address: pure functions.

trafilatura finds the main text.  Its settings were chosen by measurement
(`docs/extraction.md`, `benchmarks/extract.py`):

- `fast=True`: without its fall-backs to readability and justext, which take from the
  score on articles and cost a third of the time;
- no comments; tables kept; balanced focus, since `favor_precision` without fall-backs
  finds nothing at all on 4 % of manual pages;
- `deduplicate=False`: its cache outlives the page, so output would depend on history.

`tidy` brings the precision that the balanced focus lacks, and the title is left out
of the text, because it has a column of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from lxml.etree import _Element
from lxml.html import HtmlElement
from trafilatura.core import bare_extraction
from trafilatura.settings import Document, Extractor

from pipeline.documents.clean import tidy
from pipeline.documents.main_content import mark_main_text
from pipeline.documents.metadata import find_canonical, find_date, find_title, letters, read_metas
from pipeline.documents.parse import parse_html
from pipeline.documents.render import render

_OPTIONS = Extractor(output_format="txt", fast=True, comments=False, tables=True, dedup=False)
#: The title is looked for among this many blocks at the start of the text.
_TITLE_BLOCKS = 3


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a page says.  `text` is empty where there is no main text."""

    text: str
    title: str = ""
    date: str = ""  # ISO day, or empty
    canonical: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A page that was parsed, read for its metadata, and tidied."""

    tree: HtmlElement
    title: str
    date: str
    canonical: str


def prepare(html: str, url: str, latest: date) -> Source | None:
    """Parses a page; None without any element in it.

    `latest` is the last day that its date may name: the day of fetching.
    """
    tree = parse_html(html)
    if tree is None:
        return None
    metas = read_metas(tree)
    title = find_title(tree, metas)
    day = find_date(tree, metas, url, latest)
    canonical = find_canonical(tree, url)
    tidy(tree)
    return Source(tree, title, day, canonical)


def finish(source: Source) -> Extracted:
    """Finds the main text of a prepared page and renders it; uses up its tree."""
    mark_main_text(source.tree)
    found = bare_extraction(source.tree, options=_OPTIONS)
    text = ""
    if isinstance(found, Document):
        _drop_title(found.body, source.title)
        text = render(found.body)
    return Extracted(text, source.title, source.date, source.canonical)


def extract(html: str, url: str, latest: date) -> Extracted:
    """`prepare` and `finish` in one."""
    source = prepare(html, url, latest)
    return finish(source) if source else Extracted("")


def _drop_title(body: _Element, title: str) -> None:
    """Takes the title out of the first blocks of the text."""
    wanted = letters(title)
    for block in list(body)[:_TITLE_BLOCKS]:
        said = letters("".join(block.itertext()))
        # A heading may lack the number that the title has: "9.1. Names" and "Names".
        if said and (said == wanted or (block.tag == "head" and wanted.endswith(said))):
            body.remove(block)
