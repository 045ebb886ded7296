"""Words of texts in any script: by white space, and by characters where there is none.

Chinese, Japanese, Thai, Lao, Khmer and Burmese put no spaces between words.  Their runs are cut
into pieces of the usual length of a word: two characters of Han and kana, five of the others, whose
vowels and tones are characters too.  That is no segmentation, but counts come out near.
"""

from __future__ import annotations

import re

_HAN_KANA = "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
_HAN_KANA += "\uf900-\ufaff\U00020000-\U0003ffff"
_SOUTH_EAST = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f"
#: Characters of a word.
HAN_KANA_WORD, SOUTH_EAST_WORD = 2, 5
#: Pieces of unspaced scripts, and all other runs without white space.
_PIECE = re.compile(
    rf"[{_HAN_KANA}]{{1,{HAN_KANA_WORD}}}|[{_SOUTH_EAST}]{{1,{SOUTH_EAST_WORD}}}"
    rf"|[^\s{_HAN_KANA}{_SOUTH_EAST}]+"
)
_ANY = re.compile(rf"[{_HAN_KANA}{_SOUTH_EAST}]")


def split_words(text: str) -> list[str]:
    """The words of a text, in order."""
    if text.isascii() or not _ANY.search(text):
        return text.split()
    return _PIECE.findall(text)


def count_words(text: str) -> int:
    """How many words a text has."""
    return len(split_words(text))
