"""What the characters of blocks are, counted for all blocks at once."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from pipeline.documents.blocks.numbers import Column

#: Classes of characters, a bit each.
DIGIT, UPPER, STOP, COMMA, SPACE, LETTER, SYMBOL, QUOTE, IDEOGRAPH = (
    1 << place for place in range(9)
)
CLASSES = {
    "digits": DIGIT, "capitals": UPPER, "stops": STOP, "commas": COMMA, "spaces": SPACE,
    "letters": LETTER, "symbols": SYMBOL, "quotes": QUOTE, "ideographs": IDEOGRAPH,
}  # fmt: skip
_STOPS, _COMMAS = ".!?…;:。！？：；", ",،、，"
_SYMBOLS = "|•·»«›‹→/\\©®™#@$€£%*+=<>{}[]~^_"
_QUOTES = "\"'“”‘’()-–—"
#: Code points with classes of their own; those above are letters, but for emoji.
_TABLE, _MOST = 0x3100, 0x20000
_FULL_WIDTH = 0xFF00
_EMOJI = slice(0x1F300, 0x1FB00)
#: From here on scripts are written without spaces, and a character is about half a word.
_IDEOGRAPHS = 0x2E80


@cache
def _classes() -> tuple[npt.NDArray[np.float64], Column, npt.NDArray[np.intp]]:
    """Of the combinations of classes that there are: which classes each has, a row a class, what
    the end of a text that has it is (but for colons), and which each code point has."""
    table = np.full(_MOST, LETTER, dtype=np.int64)
    for code in (*range(_TABLE), *range(_FULL_WIDTH, _FULL_WIDTH + 0x100)):
        char = chr(code)
        table[code] = (
            DIGIT * char.isdigit()
            | UPPER * char.isupper()
            | STOP * (char in _STOPS)
            | COMMA * (char in _COMMAS)
            | SPACE * (char.isspace() or unicodedata.category(char) == "Cc")
            | LETTER * char.isalpha()
            | SYMBOL * (char in _SYMBOLS)
            | QUOTE * (char in _QUOTES)
        )
    table[_EMOJI] = SYMBOL
    table[_IDEOGRAPHS:] |= IDEOGRAPH
    combinations, numbered = np.unique(table, return_inverse=True)
    has = combinations & np.array(list(CLASSES.values()))[:, None] != 0
    ends = np.where(combinations & STOP, 2, combinations & (COMMA | QUOTE) != 0)
    return has.astype(np.float64), ends.astype(np.int64), numbered


def count(texts: Sequence[str]) -> dict[str, Column]:
    """Columns, one entry a text (none of which is empty).

    One for each of `CLASSES`, and `chars`, `words` (ideographs count as half a word each),
    `ideographs`, `end` (3 colon, 2 stop, 1 comma or closing mark, 0 else).
    """
    codes = np.frombuffer("\n".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    has, ends, numbered = _classes()
    combinations = len(ends)
    kind = numbered.take(codes, mode="clip")
    chars = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    end = (chars + 1).cumsum() - 1
    # How many characters of each combination a text has, in one pass; `parting` are those between.
    of = (np.arange(len(texts)) * combinations).repeat(chars + 1)[:-1]
    parting = end[:-1]
    of[parting] = len(texts) * combinations
    kind[parting] = 0
    of += kind
    counted = np.bincount(of, minlength=len(texts) * combinations)
    counts = counted[: len(texts) * combinations].reshape(len(texts), -1)
    found: dict[str, Column] = {"chars": chars}
    # Floats hold such numbers exactly, and are multiplied faster than whole numbers.
    found |= zip(CLASSES, (has @ counts.T).astype(np.int64), strict=True)
    found["words"] = found["spaces"] + 1 + found["ideographs"] // 2
    last = codes.take(end - 1)
    found["end"] = ends.take(kind.take(end - 1)) + ((last == ord(":")) | (last == ord("：")))
    return found
