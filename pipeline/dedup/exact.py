"""Exact copies: texts of the same characters.

Only white space may differ (its kind and amount, hence the lines), and how Unicode composes a
character (NFC), which no reader can see.
"""

from __future__ import annotations

import hashlib
import unicodedata

#: Bytes of the hash.  128 bits: among 10^9 texts, a false pair has a chance of 10^-21.
EXACT_BYTES = 16


def exact_hash(text: str) -> bytes:
    """The hash of a text; equal for exact copies and only for them."""
    composed = text if text.isascii() else unicodedata.normalize("NFC", text)
    plain = " ".join(composed.split()).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(plain, digest_size=EXACT_BYTES).digest()
