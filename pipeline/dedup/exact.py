"""Exact duplicates: texts whose normalised words are the same, in the same order."""

from __future__ import annotations

import hashlib

#: Bytes of the hash.  128 bits: among 10^9 texts, a false pair has a chance of 10^-21.
EXACT_BYTES = 16


def exact_hash(words: bytes) -> bytes:
    """The hash of a normalised text; equal for exact duplicates and only for them."""
    return hashlib.blake2b(b" ".join(words.split()), digest_size=EXACT_BYTES).digest()
