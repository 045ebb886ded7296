"""Tables by the number of a tag: whether it is one of some."""

from __future__ import annotations

from pipeline.documents.blocks import tags
from pipeline.documents.blocks.numbers import Chosen, members


def tagged(*names: str) -> Chosen:
    """Of each tag's number, whether it is one of these."""
    return members((tags.NUMBER[name] for name in names), tags.TAGS)


HEADINGS = members(tags.HEADINGS, tags.TAGS)
