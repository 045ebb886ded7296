"""A cheap first pass that turns away pages which will surely be dropped.

It reads the blocks that extraction chooses from, so it costs no parse of its own: the words
of the whole page, of which the main text can have no more, and the language of its running
text, when it is long and surely none of those wanted.  What it costs and loses is measured in
`benchmarks/extract.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pipeline.documents.blocks.layout import Layout
from pipeline.store.language import identify
from pipeline.store.unspaced import count_words

#: A page is turned away for its language only when its paragraphs have as many characters …
_ENOUGH_CHARS = 500
#: … of which these are looked at …
_LOOKED_AT = 600
#: … and another language has at least this probability.
_SURE = 0.9


#: Blocks with fewer characters are menus as often as not.
_RUNNING_CHARS = 60


def words_at_most(layout: Layout, posts: Sequence[str]) -> int:
    """No fewer words than the main text of a page has, with posts that only JSON-LD holds."""
    return count_words("\n".join([*layout.text, *posts]))


def foreign(layout: Layout, declared: str, languages: Collection[str]) -> tuple[str, float] | None:
    """The language of a page and its probability, when it is surely none of `languages`.

    Only a page that is `declared` to be in another (`Head.language`) is looked at: of all others
    the language of the text is told in the end anyway, and looking twice costs more than it saves.
    """
    if not languages or not declared or declared.partition("-")[0] in languages:
        return None
    text = "\n".join(text for text in layout.text if len(text) >= _RUNNING_CHARS)
    if len(text) < _ENOUGH_CHARS:
        return None
    language, score = identify(text, _LOOKED_AT)
    return (language, score) if language not in languages and score >= _SURE else None
