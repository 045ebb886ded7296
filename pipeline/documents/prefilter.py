"""A cheap first pass that turns away pages which will surely be dropped.

It reads the tree that extraction is about to work on, so it costs no parse of its
own: the words of the whole page, of which the main text can have no more, and the
language of its paragraphs, when they are long and it is surely none of those wanted.
What it costs and loses is measured in `benchmarks/extract.py`.
"""

from __future__ import annotations

from collections.abc import Collection

from lxml.html import HtmlElement

from pipeline.documents.parse import STAND_INS
from pipeline.store.language import identify

#: A page is turned away for its language only when its paragraphs have as many characters …
_ENOUGH_CHARS = 500
#: … of which these are looked at …
_LOOKED_AT = 600
#: … and another language has at least this probability.
_SURE = 0.9


def words_at_most(tree: HtmlElement) -> int:
    """No fewer than the words of a whole page after `tidy`, so of its main text as well."""
    text = " ".join(tree.itertext())
    return len(text.split()) + sum(text.count(sign) for sign in STAND_INS)


def foreign(tree: HtmlElement, languages: Collection[str]) -> tuple[str, float] | None:
    """The language of a page and its probability, when it is surely none of `languages`."""
    if not languages:
        return None
    text = "\n".join(paragraph.text_content() for paragraph in tree.iter("p"))
    if len(text) < _ENOUGH_CHARS:
        return None
    language, score = identify(text, _LOOKED_AT)
    return (language, score) if language not in languages and score >= _SURE else None
