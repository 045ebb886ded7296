"""Scripts that are written without spaces, in which characters stand for words.

First and last code points of their blocks: Thai and Lao, Burmese, Khmer, kana, Han with its
extensions (Unicode 16, Blocks.txt).
"""

from __future__ import annotations

import re

UNSPACED = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x3040, 0x30FF),
    (0x3400, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x323AF),
)

_CLASS = "".join(f"{chr(first)}-{chr(last)}" for first, last in UNSPACED)
_UNSPACED = re.compile(f"[{_CLASS}]")
_WORD = re.compile(rf"[{_CLASS}]|[^\s{_CLASS}]+")


def is_unspaced(character: str) -> bool:
    """True for a character of such a script."""
    return _UNSPACED.match(character) is not None


def count_unspaced(text: str) -> int:
    """How many characters of a text are of such a script."""
    return 0 if text.isascii() else len(_UNSPACED.findall(text))


def words_and_characters(text: str) -> list[str]:
    """The words of a text by white space; each character of such a script is a word by itself."""
    return text.split() if text.isascii() else _WORD.findall(text)
