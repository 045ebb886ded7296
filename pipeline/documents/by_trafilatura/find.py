"""trafilatura finds the main text; what it would lose or spoil is mended before and after.

Its settings were chosen by measurement on articles (`docs/extraction.md`):

- `fast=True`: without its fall-backs to readability and justext, which take from the
  score on articles and cost a third of the time;
- no comments; tables kept; balanced focus, since `favor_precision` without fall-backs
  finds nothing at all on 4 % of manual pages;
- `deduplicate=False`: its cache outlives the page, so output would depend on history.

`clean` brings the precision that the balanced focus lacks, and the title is left out
of the text, because it has a column of its own.
"""

from __future__ import annotations

from lxml.etree import _Element
from trafilatura.core import bare_extraction
from trafilatura.settings import Document, Extractor

from pipeline.documents.blocks.told import letters
from pipeline.documents.by_trafilatura.clean import clean
from pipeline.documents.by_trafilatura.main_content import mark_main_text
from pipeline.documents.by_trafilatura.parse import parse_html
from pipeline.documents.by_trafilatura.render import render

_OPTIONS = Extractor(output_format="txt", fast=True, comments=False, tables=True, dedup=False)
#: The title is looked for among this many blocks at the start of the text.
_TITLE_BLOCKS = 3


def find_text(html: str, title: str) -> str:
    """The main text of a page without its title; empty where there is none."""
    tree = parse_html(html)
    if tree is None:
        return ""
    clean(tree)
    mark_main_text(tree)
    found = bare_extraction(tree, options=_OPTIONS)
    if not isinstance(found, Document):
        return ""
    _drop_title(found.body, title)
    return render(found.body)


def _drop_title(body: _Element, title: str) -> None:
    """Takes the title out of the first blocks of the text."""
    wanted = letters(title)
    for block in list(body)[:_TITLE_BLOCKS]:
        written = letters("".join(block.itertext()))
        # A heading may lack the number that the title has: "9.1. Names" and "Names".
        if written and (written == wanted or (block.tag == "head" and wanted.endswith(written))):
            body.remove(block)
