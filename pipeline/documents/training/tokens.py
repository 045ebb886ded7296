"""Words of texts for labels and scores: runs of letters and digits, each ideograph by itself."""

from __future__ import annotations

import re

#: Scripts that are written without spaces, of which a character counts as a word.
_IDEOGRAPH = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_IDEOGRAPH}]|[^\W{_IDEOGRAPH}]+")
_WORD = re.compile(r"\w+")


def tokens(text: str) -> list[str]:
    """The words of a text in lower case, ideographs and syllables of Korean one by one."""
    return _TOKEN.findall(text.lower())


def words(text: str) -> list[str]:
    """The words of a text in lower case as WCXB's score counts them: runs of letters and digits."""
    return _WORD.findall(text.lower())
