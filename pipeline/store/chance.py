"""Chance that follows from a name: the same at any time, in any process, in any order."""

from __future__ import annotations

import hashlib


def chance_of(name: str, purpose: str) -> float:
    """A number in [0, 1), evenly spread over names.

    `purpose` (at most 16 bytes) keeps the draws for different ends independent of each other.
    """
    digest = hashlib.blake2b(name.encode(), digest_size=8, person=purpose.encode()).digest()
    # 53 bits, as many as a float holds: all 64 would round up to 1.
    return (int.from_bytes(digest) >> 11) / (1 << 53)
