"""Candidate pairs: documents that agree in a whole band of their signatures.

With `bands` bands of `rows` hashes, documents of Jaccard similarity s share a band with
probability 1 - (1 - s^rows)^bands (Leskovec, Rajaraman, Ullman, Mining of Massive
Datasets, 3.4).  The bands are generous, since each candidate is verified afterwards.

The documents of one band with one key are a bucket.  In a bucket each document is paired
with the `leaders` most preferred ones alone, so a bucket of a million pages of one template
costs `leaders` million pairs, not 5 x 10^11.  Which documents lead depends on the documents
before them in keep order only: what comes later never changes a pair.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.dedup.minhash import Hashes32, Hashes64

Numbers = npt.NDArray[np.int64]

_MULTIPLIER = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: powers of it are odd and spread


def collision_probability(similarity: float, bands: int, rows: int) -> float:
    """The probability that two documents of this similarity share a band."""
    return 1.0 - (1.0 - similarity**rows) ** bands


def band_keys(band: Hashes32) -> Hashes64:
    """64-bit keys of one band: (documents, rows) -> (documents,)."""
    keys = np.zeros(len(band), np.uint64)
    for row in range(band.shape[1]):
        keys += band[:, row]
        keys *= np.uint64(_MULTIPLIER)
        keys ^= keys >> np.uint64(29)
    return keys


def bucket_pairs(keys: Hashes64, numbers: Numbers, leaders: int) -> tuple[Numbers, Numbers]:
    """The candidate pairs of one band, as two columns: the later document and the earlier.

    `numbers` are the documents' places in keep order, each once; `keys` their keys in this
    band.  At most `leaders` pairs a document come out, in no particular order.
    """
    order = np.lexsort((numbers, keys))
    keys, numbers = keys[order], numbers[order]
    first = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if len(keys) else order
    sizes = np.diff(np.append(first, len(keys)))
    starts = np.repeat(first, sizes)
    rank = np.arange(len(keys)) - starts
    later, earlier = [numbers[:0]], [numbers[:0]]
    for leader in range(min(leaders, int(sizes.max(initial=1)) - 1)):
        behind = np.flatnonzero(rank > leader)
        later.append(numbers[behind])
        earlier.append(numbers[starts[behind] + leader])
    return np.concatenate(later), np.concatenate(earlier)


def is_among(numbers: Numbers, among: Numbers) -> npt.NDArray[np.bool_]:
    """Which of the numbers are among others, which are sorted."""
    if not len(among):
        return np.zeros(len(numbers), bool)
    at = np.minimum(np.searchsorted(among, numbers), len(among) - 1)
    found: npt.NDArray[np.bool_] = among[at] == numbers
    return found
