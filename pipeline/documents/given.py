"""Texts that a user has already (`pages.source = "texts"`): taken as they are."""

from __future__ import annotations

from pipeline.documents.page import Extracted
from pipeline.store.own_texts import unpacked_text

GIVEN = "given"


def given_text(body: bytes) -> Extracted:
    """The text with "\n" as line end and without NUL and byte order mark; nothing else changes.

    Raises ValueError for a body that the pages stage did not write.
    """
    values = unpacked_text(body)
    text = values["text"].replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace("\0", "").removeprefix("\ufeff")
    blank = not text.strip()
    return Extracted("" if blank else text, values["title"], values["date"], extractor=GIVEN)
