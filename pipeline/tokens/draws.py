"""What the hash of an id decides in the tokens stage: the sample, the split, the order."""

from __future__ import annotations

import hashlib

from pipeline.store.chance import chance_of

SPLITS = ("train", "validation")


def in_sample(page: str, fraction: float) -> bool:
    """Whether a document is in the tokenizer's sample: by hash, the same at any time."""
    return chance_of(page, "tokenizer") < fraction


def in_validation(page: str, fraction: float) -> bool:
    """Whether a cluster of near-duplicates, named by its kept document, is for validation."""
    return split_chance(page) < fraction


def split_chance(page: str) -> float:
    """What the split is drawn by: validation has the documents with the least."""
    return chance_of(page, "validation")


def order_of(page: str) -> str:
    """Where a document stands: in order of this hash, which is independent of the split's."""
    return hashlib.blake2b(page.encode(), digest_size=16, person=b"order").hexdigest()
