"""Exact duplicates: texts whose normalised words are the same, in the same order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

#: Bytes of the hash.  128 bits: among 10^9 texts, a false pair has a chance of 10^-21.
EXACT_BYTES = 16


def exact_hash(words: Iterable[bytes]) -> bytes:
    """The hash of a text's normalised words; equal for exact duplicates and only for them."""
    return hashlib.blake2b(b" ".join(words), digest_size=EXACT_BYTES).digest()
