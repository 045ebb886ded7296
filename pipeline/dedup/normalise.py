"""What two texts must share to count as nearly equal: a text as plain words.

In this order:

1. Unicode: compatibility decomposition (NFKD), decimal digits of all scripts as 0 to 9.
2. Words are parted by white space and controls.  A symbol (`+`, `=`, an emoji) is a word by
   itself, and so is a character of a script without spaces (`pipeline/store/unspaced.py`).
   Invisible characters (soft hyphens, joiners, variation selectors) are left out.
3. What `fold` names makes no difference:
   - `case`: case folding;
   - `accents`: the diacritics of Latin, Greek and Cyrillic (U+0300 to U+036F);
   - `punctuation`: it parts words, where otherwise each mark is a word by itself;
   - `digits`: a run of them counts as "0", so pages that differ in dates and counters alone
     are equal, and so are all lists of numbers.

The result is UTF-8 with words between spaces: an ASCII text, the usual case, then takes one
`translate`.  Exact copies are another matter: `exact.py`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from string import punctuation as ascii_marks
from typing import Literal

from pipeline.store.unspaced import is_unspaced

Fold = Literal["case", "accents", "punctuation", "digits"]
Folds = frozenset[Fold]

_OTHER_THAN_ASCII = re.compile(r"[^\x00-\x7f]+")
_CACHED_RUN = 32  # characters; longer runs, as of Chinese, hardly ever come again


def normalised(text: str, fold: Folds) -> bytes:
    """The words of a text with one or more spaces between them."""
    if not text.isascii():
        text = _OTHER_THAN_ASCII.sub(lambda run: _fold_run(run[0], fold), text)
    table, marks = _ascii(fold)
    words = text.encode("utf-8", "replace").translate(table)
    for mark in marks:
        if mark in words:
            words = words.replace(mark, b" " + mark + b" ")
    while "digits" in fold and b"00" in words:
        words = words.replace(b"00", b"0")
    return words


@cache
def _ascii(fold: Folds) -> tuple[bytes, tuple[bytes, ...]]:
    """What becomes of each byte (those beyond ASCII stay), and the marks that are words."""
    table = bytearray(b" " * 128 + bytes(range(128, 256)))
    marks = []
    for code in range(128):
        character = chr(code)
        if character.isdigit():
            table[code] = ord("0" if "digits" in fold else character)
        elif character.isalpha():
            table[code] = ord(character.lower() if "case" in fold else character)
        elif character in ascii_marks and _is_word(character, fold):
            table[code] = code
            marks.append(bytes([code]))
    return bytes(table), tuple(marks)


def _is_word(mark: str, fold: Folds) -> bool:
    return unicodedata.category(mark)[0] == "S" or "punctuation" not in fold


def _fold_run(run: str, fold: Folds) -> str:
    """A run of characters outside ASCII, normalised."""
    return _fold_short(run, fold) if len(run) <= _CACHED_RUN else _fold(run, fold)


def _fold(run: str, fold: Folds) -> str:
    run = unicodedata.normalize("NFKD", run)
    return (run.casefold() if "case" in fold else run).translate(_folded(fold))


#: Bounded by its number of short runs: 65,536 take some 15 MB.
_fold_short = lru_cache(maxsize=1 << 16)(_fold)


class _Folded(dict[int, str]):
    """What each character becomes, worked out when it is first met."""

    def __init__(self, fold: Folds) -> None:
        super().__init__()
        self._fold = fold

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold_character(code, self._fold)
        return folded


_folded = cache(_Folded)


def _fold_character(code: int, fold: Folds) -> str:
    character = chr(code)
    category = unicodedata.category(character)
    if category == "Cf" or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:
        return ""
    if 0x0300 <= code <= 0x036F and "accents" in fold:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category[0] in "LMN":
        return f" {character} " if is_unspaced(character) else character
    if category[0] in "SP" and _is_word(character, fold):
        return f" {character} "
    return " "
