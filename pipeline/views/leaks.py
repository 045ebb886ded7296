"""Whether anything that is trained on is a near-duplicate of a validation document.

Validation is chosen by the kept document of each near-duplicate cluster, and only kept
documents are in the corpus, so there should be none.  This proves it anew from the
texts themselves, with none of the hashing, bands and buckets by which duplicates were
found: every validation document is compared with every document trained on.

It is exact and needs no pair by pair comparison.  Two sets of m and n shingles with a
Jaccard similarity of t or more share a shingle among the m - ceil(t m) + 1 least of the one
and the n - ceil(t n) + 1 least of the other (prefix filter; Chaudhuri, Ganti and Kaushik
2006).  An index of the least shingles of the validation documents gives the candidates; their
whole sets decide.  Both lie in files that all processes map, each of which takes a part of the
corpus: the time is linear in the documents, and building the index takes 30 bytes of memory for
each of its shingles, 3.4 KB for a document of 560.
"""

from __future__ import annotations

import math
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.dedup.minhash import Hashes64, shingles_of
from pipeline.dedup.normalise import Folds, normalised
from pipeline.dedup.verify import jaccard
from pipeline.store.corpus import Corpus
from pipeline.store.errors import WebtextError
from pipeline.views.processes import Run
from pipeline.views.splits import (
    corpus_parts,
    count_trained_on,
    texts_of,
    trained_on,
    validation_ids,
)

Sets = Iterable[tuple[str, Hashes64]]


class Leak(NamedTuple):
    """A document trained on that is a near-duplicate of a validation document."""

    train: str
    validation: str
    similarity: float


class LeakCheck(NamedTuple):
    """How many documents were compared."""

    validation: int
    train: int


class ValidationIndex(NamedTuple):
    """Documents of validation: their ids, all sets of shingles one after another with the end of
    each, and the least shingles of all in ascending order with the number of each one's document.
    """

    ids: list[str]
    shingles: Hashes64
    ends: npt.NDArray[np.int64]
    keys: Hashes64
    owners: npt.NDArray[np.int32]

    def set_of(self, number: int) -> Hashes64:
        """The shingles of a document."""
        start = self.ends[number - 1] if number else 0
        return self.shingles[start : self.ends[number]]


@dataclass(frozen=True)
class LeakUnit:
    """A part of the corpus that is compared with the index in a folder."""

    index: str
    part: str
    threshold: float
    fold: Folds


def check_leaks(corpus: Corpus, name: str, run: Run = map) -> LeakCheck:
    """Compares all intervals of `tokens/NAME`; WebtextError that names the worst leak.

    What counts as a near-duplicate is the lowest threshold of the intervals' dedup stages.
    """
    validation = validation_ids(corpus, name)
    intervals = corpus.intervals(f"tokens/{name}")
    settings = [corpus.require("dedup", interval).settings for interval in intervals]
    threshold = min(float(one["threshold"]) for one in settings)
    fold: Folds = frozenset(settings[-1]["fold"])
    parts = corpus_parts(corpus, name)
    with tempfile.TemporaryDirectory(prefix="webtext-leaks-") as folder:
        write_index(folder, _sets(texts_of(parts, validation, within=True), fold), threshold)
        units = [LeakUnit(folder, part, threshold, fold) for part in parts]
        leaks = [leak for found in run(leaks_of, units) for leak in found]
        _opened.cache_clear()  # or this process keeps the files on the disk
    trained = trained_on(corpus, name, {leak.train for leak in leaks})
    leaks = [leak for leak in leaks if leak.train in trained]
    if leaks:
        worst = max(leaks, key=lambda leak: (leak.similarity, leak))
        raise WebtextError(
            f"tokens/{name}: {len(leaks):,} documents that are trained on are near-duplicates of "
            f"validation documents; {worst.train} is {worst.similarity:.3f} similar to "
            f"{worst.validation}",
            "List one of each pair in a takedown file (quality.takedown) and build again",
        )
    return LeakCheck(len(validation), count_trained_on(corpus, name))


def leaks_of(unit: LeakUnit) -> list[Leak]:
    """The leaks of one part of the corpus."""
    index, among = _opened(unit.index)
    others = texts_of([unit.part], among, within=False)
    return list(find_leaks(index, _sets(others, unit.fold), unit.threshold))


def write_index(folder: str, validation: Sets, threshold: float) -> None:
    """Writes the index of some documents, each set of shingles sorted."""
    ids: list[str] = []
    ends, keys, owners = array("q"), array("Q"), array("i")
    with Path(folder, "shingles").open("wb") as stream:
        for identity, shingles in validation:
            shingles.tofile(stream)
            least = _prefix(shingles, threshold)
            keys.frombytes(least.tobytes())
            owners.extend([len(ids)] * len(least))
            ends.append(len(shingles) + (ends[-1] if ends else 0))
            ids.append(identity)
    order = np.argsort(np.asarray(keys), kind="stable")
    np.save(Path(folder, "keys.npy"), np.asarray(keys)[order])
    np.save(Path(folder, "owners.npy"), np.asarray(owners)[order])
    np.save(Path(folder, "ends.npy"), np.asarray(ends))
    Path(folder, "ids").write_text("\n".join(ids), encoding="utf-8")


def read_index(folder: str) -> ValidationIndex:
    """What `write_index` wrote; its arrays stay in the files."""
    keys, owners, ends = (
        np.asarray(np.load(Path(folder, f"{name}.npy"), mmap_mode="r"))
        for name in ("keys", "owners", "ends")
    )
    shingles = np.empty(0, np.uint64)
    if len(ends) and ends[-1]:
        shingles = np.asarray(np.memmap(Path(folder, "shingles"), np.uint64, "r"))
    ids = Path(folder, "ids").read_text(encoding="utf-8").splitlines()
    return ValidationIndex(ids, shingles, ends, keys, owners)


def find_leaks(index: ValidationIndex, train: Sets, threshold: float) -> Iterator[Leak]:
    """The leaks between the index and other sets of shingles, each sorted; exact."""
    for identity, shingles in train:
        prefix = _prefix(shingles, threshold)
        first, last = (index.keys.searchsorted(prefix, side) for side in ("left", "right"))
        hit = np.flatnonzero(last > first)
        candidates = {int(o) for i in hit for o in index.owners[first[i] : last[i]]}
        for candidate in sorted(candidates):
            similarity = jaccard(shingles, index.set_of(candidate))
            if similarity >= threshold:
                yield Leak(identity, index.ids[candidate], similarity)


@lru_cache(maxsize=1)
def _opened(folder: str) -> tuple[ValidationIndex, frozenset[str]]:
    """The index, and the ids in it."""
    index = read_index(folder)
    return index, frozenset(index.ids)


def _prefix(shingles: Hashes64, threshold: float) -> Hashes64:
    """The least shingles, one of which every set that is similar enough shares."""
    # A rounding error may only make it longer.
    needed = math.ceil(threshold * len(shingles) - 1e-9)
    return shingles[: len(shingles) - needed + 1]


def _sets(texts: Iterable[tuple[str, str]], fold: Folds) -> Iterator[tuple[str, Hashes64]]:
    for identity, text in texts:
        yield identity, shingles_of(normalised(text, fold))
