"""Whether anything that is trained on is a near-duplicate of a validation document.

Validation is chosen by the kept document of each near-duplicate cluster, and only kept
documents are in the corpus, so there should be none.  This proves it anew from the
texts themselves, with none of the hashing, bands and buckets by which duplicates were
found: every validation document is compared with every document trained on.

It is exact and needs no pair by pair comparison.  Two sets of m and n shingles with a
Jaccard similarity of t or more share a shingle among the m - ceil(t m) + 1 least of the one
and the n - ceil(t n) + 1 least of the other (prefix filter; Chaudhuri, Ganti and Kaushik
2006).  An index of the least shingles of the validation documents, built over slices of
them so that memory stays flat, gives the candidates; their whole sets decide.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sized
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from pipeline.dedup.minhash import shingles_of
from pipeline.dedup.normalise import Folds, normalised
from pipeline.dedup.verify import jaccard
from pipeline.store.corpus import Corpus
from pipeline.store.errors import WebtextError
from pipeline.store.parquet import read_rows

#: Shingles of validation documents in memory at a time: 270 MB, some 60,000 documents.
_SLICE = 1 << 25

Sets = Iterable[tuple[str, npt.NDArray[np.uint64]]]
#: What is compared of a document: its shingles, or its text.
Content = TypeVar("Content", bound=Sized)


class Leak(NamedTuple):
    """A document trained on that is a near-duplicate of a validation document."""

    train: str
    validation: str
    similarity: float


class LeakCheck(NamedTuple):
    """How many documents were compared."""

    validation: int
    train: int


def check_leaks(corpus: Corpus, name: str) -> LeakCheck:
    """Compares all intervals of `tokens/NAME`; WebtextError that names the worst leak.

    What counts as a near-duplicate is the lowest threshold of the intervals' dedup stages.
    """
    splits = split_ids(corpus, name)
    intervals = corpus.intervals(f"tokens/{name}")
    settings = [corpus.require("dedup", interval).settings for interval in intervals]
    threshold = min(float(one["threshold"]) for one in settings)
    fold: Folds = frozenset(settings[-1]["fold"])
    parts = [path for interval in intervals for path in corpus.paths("corpus", interval)]
    leaks = [
        leak
        for piece in slices(_sets(parts, splits["validation"], fold), _SLICE)
        for leak in find_leaks(piece, _sets(parts, splits["train"], fold), threshold)
    ]
    if leaks:
        worst = max(leaks, key=lambda leak: (leak.similarity, leak))
        raise WebtextError(
            f"tokens/{name}: {len(leaks):,} documents that are trained on are near-duplicates of "
            f"validation documents; {worst.train} is {worst.similarity:.3f} similar to "
            f"{worst.validation}",
            "List one of each pair in a takedown file (quality.takedown) and build again",
        )
    return LeakCheck(len(splits["validation"]), len(splits["train"]))


def find_leaks(
    validation: list[tuple[str, npt.NDArray[np.uint64]]], train: Sets, threshold: float
) -> Iterator[Leak]:
    """The leaks between sets of shingles, each sorted; exact."""
    least = [_prefix(shingles, threshold) for _, shingles in validation]
    keys = np.concatenate([np.empty(0, np.uint64), *least])
    owners = np.repeat(np.arange(len(validation)), [len(prefix) for prefix in least])
    order = np.argsort(keys, kind="stable")
    keys, owners = keys[order], owners[order]
    for identity, shingles in train:
        prefix = _prefix(shingles, threshold)
        first, last = np.searchsorted(keys, prefix), np.searchsorted(keys, prefix, "right")
        hit = np.flatnonzero(last > first)
        candidates = {int(o) for i in hit for o in owners[first[i] : last[i]]}
        for candidate in sorted(candidates):
            other, others = validation[candidate]
            similarity = jaccard(shingles, others)
            if similarity >= threshold:
                yield Leak(identity, other, similarity)


def _prefix(shingles: npt.NDArray[np.uint64], threshold: float) -> npt.NDArray[np.uint64]:
    """The least shingles, one of which every set that is similar enough shares."""
    # A rounding error may only make it longer.
    needed = math.ceil(threshold * len(shingles) - 1e-9)
    return shingles[: len(shingles) - needed + 1]


def slices(
    documents: Iterable[tuple[str, Content]], size: int
) -> Iterator[list[tuple[str, Content]]]:
    """Documents by id, in groups of some `size` shingles or characters."""
    group: list[tuple[str, Content]] = []
    held = 0
    for identity, content in documents:
        group.append((identity, content))
        held += len(content)
        if held >= size:
            yield group
            group, held = [], 0
    if group:
        yield group


def split_ids(corpus: Corpus, name: str) -> dict[str, set[str]]:
    """The ids of each split, over all intervals; no id may be in both."""
    splits: dict[str, set[str]] = {"train": set(), "validation": set()}
    for interval in corpus.intervals(f"tokens/{name}"):
        for split, ids in splits.items():
            for path in corpus.paths(f"tokens/{name}", interval, f"documents-{split}-"):
                ids.update(row["id"] for row in read_rows(path, ["id"]))
    both = splits["train"] & splits["validation"]
    if both:
        raise WebtextError(
            f"tokens/{name}: document {min(both)} is in train and in validation",
            "Build the tokens stage again",
        )
    return splits


def _sets(
    paths: list[str], wanted: set[str], fold: Folds
) -> Iterator[tuple[str, npt.NDArray[np.uint64]]]:
    for path in paths:
        for row in read_rows(path, ["id", "text"]):
            if row["id"] in wanted:
                yield row["id"], shingles_of(normalised(row["text"], fold))
