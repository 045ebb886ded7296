"""What two texts must share to count as equal: a text as plain words.

Documented normalisation, in this order:

1. Unicode: compatibility decomposition (NFKD) and case folding; Latin, Greek and Cyrillic
   diacritics (U+0300 to U+036F) go, so "Café", "CAFE" and "cafe" are one word.
2. Every character that is no letter, digit or combining mark parts words; so do the
   underscore and every mark of punctuation.
3. A character of a script that is written without spaces (Han, kana, Thai, Lao, Khmer,
   Burmese) is a word by itself.
4. For near-duplicates only (`minhash.py`): a run of digits counts as "0", so a counter or a
   date does not make a page another page.  Exact duplicates keep their digits.

The result is UTF-8 with words between spaces: an ASCII text, the usual case, then takes one
`translate`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_OTHER_THAN_ASCII = re.compile(r"[^\x00-\x7f]+")

#: ASCII: letters to lower case, digits as they are, all else to a space; bytes of UTF-8 stay.
_ASCII = bytes(
    byte if byte >= 0x80 else ord(chr(byte).lower()) if chr(byte).isalnum() else 0x20
    for byte in range(256)
)

#: First and last code points of scripts without spaces: Thai and Lao, Burmese, Khmer, kana,
#: Han with its extensions (Unicode 16, Blocks.txt).
_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x3040, 0x30FF),
    (0x3400, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x323AF),
)


def normalised(text: str) -> bytes:
    """The words of a text, digits kept, with one or more spaces between them."""
    if not text.isascii():
        text = _OTHER_THAN_ASCII.sub(lambda run: _fold(run[0]), text)
    return text.encode("utf-8", "replace").translate(_ASCII)


@lru_cache(maxsize=1 << 16)
def _fold(run: str) -> str:
    """A run of characters outside ASCII, normalised; separators become spaces."""
    return "".join(map(_fold_character, unicodedata.normalize("NFKD", run).casefold()))


def _fold_character(character: str) -> str:
    code = ord(character)
    category = unicodedata.category(character)
    if 0x0300 <= code <= 0x036F:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category[0] not in "LMN":
        # Format characters (soft hyphen, joiners) are invisible and part no words.
        return "" if category == "Cf" else " "
    if any(first <= code <= last for first, last in _WITHOUT_SPACES):
        return f" {character} "
    return character
