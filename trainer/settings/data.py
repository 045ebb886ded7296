"""`[data]`: the order of the samples, mixtures of corpora, and the cache of remote shards."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from pipeline.store.settings import Settings


class DataSettings(Settings):
    """Which order the samples come in, and how they are read."""

    volatile: ClassVar[frozenset[str]] = frozenset({"grow", "cache", "cache_gb", "threads"})

    seed: int = Field(1, ge=0)
    """Keys the permutation of the samples."""
    block: int = Field(1 << 20, ge=1)
    """Tokens that are read together: 2 MiB of uint16, which an object store gives in one ranged
    read at close to full speed."""
    window: int = Field(128, ge=1)
    """Blocks among which samples are shuffled.  128 blocks of 2 MiB are 256 MiB at hand;
    `benchmarks/mixing.py` shows that batches are then close to those of a full shuffle."""
    weights: tuple[float, ...] = ()
    """Shares of the corpora of `--data A,B`, in that order; one corpus needs none."""
    grow: bool = False
    """On --resume: take in the intervals that were built since the run began.  They join where the
    epoch that is under way ends."""
    cache: str = ""
    """Folder for pieces of remote shards; empty: `webtext` in $XDG_CACHE_HOME or ~/.cache."""
    cache_gb: float = Field(16.0, gt=0)
    """Most gigabytes (10^9 bytes) that the pieces may take, over all processes of the host."""
    threads: int = Field(16, ge=1)
    """Ranged reads under way at once, in each process."""
