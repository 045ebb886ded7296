"""Buttons that head a part of the page, such as the questions of a list of answers.

Nearly all buttons are tools and no text.  The title of a part that a reader unfolds is one for the
browser alone; it is text when the part is.
"""

from __future__ import annotations

from selectolax.lexbor import LexborNode

from pipeline.documents.blocks import tags
from pipeline.documents.blocks.names import FAMILY, Attributes

_BESIDE = tags.BIT["nav"] | tags.BIT["header"] | tags.BIT["footer"] | tags.BIT["form"]
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6", "dt"))
_HEADING = "h1, h2, h3, h4, h5, h6"
_UNFOLDING = frozenset(("aria-expanded", "aria-controls", "data-toggle", "data-bs-toggle"))
#: Words of a title, of a question, and of what is longer than both.
_TITLE_WORDS, _QUESTION_WORDS, _MOST_WORDS = 2, 3, 60
#: A heading around a button is one of so many elements.
_NEAR = 3


def heads_a_part(node: LexborNode, attributes: Attributes, telling: int, families: int) -> bool:
    """Whether a <button> may be the title of a part; `telling`, `families` of those around it."""
    if telling & _BESIDE or families & FAMILY["nav"]:
        return False
    text = node.text(deep=True).strip()
    words = len(text.split())
    if not 0 < words <= _MOST_WORDS:
        return False
    if words >= _QUESTION_WORDS and text.endswith("?"):
        return True
    if words >= _TITLE_WORDS and not _UNFOLDING.isdisjoint(attributes):
        return True
    return _in_heading(node) or node.css_first(_HEADING) is not None


def _in_heading(node: LexborNode) -> bool:
    around = node.parent
    for _ in range(_NEAR):
        if around is None:
            return False
        if around.tag in _HEADINGS:
            return True
        around = around.parent
    return False
