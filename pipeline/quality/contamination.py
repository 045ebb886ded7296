"""Evaluation sets in the corpus: n-grams of tokens that a document shares with them.

GPT-3 (Brown et al. 2020, appendix C) takes n = 13 and, for sets of shorter examples,
an n down to 8.  Here each text of a set gives its n-grams; one of 8 to n - 1 tokens
counts as a whole, and shorter ones say too little to be evidence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from pipeline.quality.measure import Limit, Limits, Measure
from pipeline.quality.words import Pieces, tokens_of
from pipeline.store.settings import Settings
from pipeline.store.textfiles import read_set

SHORTEST = 8  # tokens; GPT-3's smallest n

_COLUMNS = ("contamination_ngrams", "contamination_set", "contamination_ngram")

Hashes = npt.NDArray[np.uint64]
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no power of it is 0 modulo 2^64


@dataclass(frozen=True)
class NgramIndex:
    """The n-grams of the sets: hashes by length, and {hash: (set, n-gram)}."""

    hashes: Mapping[int, Hashes]
    grams: Mapping[int, tuple[str, str]]

    def measure(self, pieces: Pieces) -> dict[str, Any]:
        """How many n-grams are shared; set and words of the first. All None without sets."""
        if not self.hashes:
            return dict.fromkeys(_COLUMNS)
        shared: list[tuple[int, str, str]] = []
        words = token_hashes(pieces.tokens)
        for n, hashes in self.hashes.items():
            rolled = roll(words, n)
            for start in np.flatnonzero(np.isin(rolled, hashes)).tolist():
                name, gram = self.grams[int(rolled[start])]
                if " ".join(pieces.tokens[start : start + n]) == gram:
                    shared.append((start, name, gram))
        _, name, gram = min(shared, default=(0, "", ""))
        return dict(zip(_COLUMNS, (float(len(shared)), name, gram), strict=True))


class EvaluationSet(Settings):
    """A file with the texts of an evaluation set."""

    name: str
    """What decisions call the set."""
    path: str
    """The file: JSON lines, `.tsv`, or a text a line; packed or not."""
    fields: tuple[str, ...] = ()
    """Names in JSON lines, numbers of columns (from 0) in .tsv; all when none is given."""


class ContaminationSettings(Limits):
    """Decontamination against evaluation sets given as files."""

    sets: tuple[EvaluationSet, ...] = ()
    """The evaluation sets."""
    size: int = Field(13, ge=2, le=64)
    """Tokens of an n-gram.  Source: Brown et al. 2020, appendix C."""
    max_ngrams: Limit = 0
    """Most n-grams that a document may share with the sets."""


class Contamination(Measure):
    """Columns and rules of `[quality.contamination]`."""

    settings = ContaminationSettings
    columns = _COLUMNS
    texts = frozenset(_COLUMNS[1:])
    rank = 100

    def __init__(self, settings: ContaminationSettings) -> None:
        super().__init__(settings)
        texts = {one.name: read_set(one.path, one.fields) for one in settings.sets}
        self._index = build_index(texts, settings.size)

    def measure(self, pieces: Pieces) -> dict[str, Any]:
        """How many n-grams are shared; set and words of the first. All None without sets."""
        return self._index.measure(pieces)

    @classmethod
    def files(cls, settings: ContaminationSettings) -> dict[str, str]:
        """The evaluation sets."""
        return {f"evaluation set {one.name}": one.path for one in settings.sets}

    @classmethod
    def detail(cls, values: Mapping[str, Any]) -> str:
        """Which set, and the first n-gram."""
        return f"{values['contamination_set']}: {values['contamination_ngram']}"


def build_index(sets: Mapping[str, Iterable[str]], n: int) -> NgramIndex:
    """The index of {name of the set: its texts}."""
    lengths: dict[int, set[int]] = {}
    grams: dict[int, tuple[str, str]] = {}
    for name in sorted(sets):
        for text in sets[name]:
            tokens = tokens_of(text)
            length = min(n, len(tokens))
            if length < min(SHORTEST, n):
                continue
            for start, value in enumerate(roll(token_hashes(tokens), length).tolist()):
                lengths.setdefault(length, set()).add(value)
                grams.setdefault(value, (name, " ".join(tokens[start : start + length])))
    hashes = {k: np.array(sorted(v), dtype=np.uint64) for k, v in sorted(lengths.items())}
    return NgramIndex(hashes, grams)


def token_hashes(tokens: list[str]) -> Hashes:
    """A 64-bit hash of each token."""
    hashes: dict[str, int] = {}
    for token in set(tokens):
        digest = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        hashes[token] = int.from_bytes(digest)
    return np.array([hashes[token] for token in tokens], dtype=np.uint64)


def roll(words: Hashes, n: int) -> Hashes:
    """A hash of each run of n tokens: a polynomial of theirs modulo 2^64."""
    count = max(len(words) - n + 1, 0)
    rolled: Hashes = np.zeros(count, dtype=np.uint64)
    for i in range(n):
        rolled = rolled * _BASE + words[i : i + count]
    return rolled
