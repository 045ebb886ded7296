"""Random numbers keyed by what they are for, so that none depends on what was drawn before."""

from __future__ import annotations

import hashlib


def seed_for(seed: int, *purpose: object) -> int:
    """A 63-bit seed for one purpose: ("dropout", step, rank, micro-batch)."""
    label = "/".join(str(part) for part in (seed, *purpose)).encode()
    return int.from_bytes(hashlib.blake2b(label, digest_size=8).digest()) >> 1
