"""Evaluation sets in the corpus: n-grams of tokens that a document shares with them.

GPT-3 (Brown et al. 2020, appendix C) takes n = 13 and, for sets of shorter examples,
an n down to 8.  Here each text of a set gives its n-grams; one of 8 to n - 1 tokens
counts as a whole, and shorter ones say too little to be evidence.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from pipeline import files
from pipeline.errors import SettingError
from pipeline.quality.textfiles import read_text
from pipeline.quality.words import Pieces, tokens_of

SHORTEST = 8  # tokens; GPT-3's smallest n

COLUMNS = ("contamination_ngrams", "contamination_set", "contamination_ngram")

Hashes = npt.NDArray[np.uint64]
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no power of it is 0 modulo 2^64


@dataclass(frozen=True)
class Index:
    """The n-grams of the sets: hashes by length, and {hash: (set, n-gram)}."""

    hashes: Mapping[int, Hashes]
    grams: Mapping[int, tuple[str, str]]

    def measure(self, pieces: Pieces) -> dict[str, Any]:
        """How many n-grams are shared; set and words of the first. All None without sets."""
        if not self.hashes:
            return dict.fromkeys(COLUMNS)
        found: list[tuple[int, str, str]] = []
        words = token_hashes(pieces.tokens)
        for n, known in self.hashes.items():
            rolled = roll(words, n)
            for start in np.flatnonzero(np.isin(rolled, known)).tolist():
                name, gram = self.grams[int(rolled[start])]
                if " ".join(pieces.tokens[start : start + n]) == gram:
                    found.append((start, name, gram))
        _, name, gram = min(found, default=(0, "", ""))
        return dict(zip(COLUMNS, (float(len(found)), name, gram), strict=True))


def build_index(sets: Mapping[str, Iterable[str]], n: int) -> Index:
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
    return Index(hashes, grams)


def token_hashes(tokens: list[str]) -> Hashes:
    """A 64-bit hash of each token."""
    known: dict[str, int] = {}
    for token in set(tokens):
        digest = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        known[token] = int.from_bytes(digest)
    return np.array([known[token] for token in tokens], dtype=np.uint64)


def roll(words: Hashes, n: int) -> Hashes:
    """A hash of each run of n tokens: a polynomial of theirs modulo 2^64."""
    count = max(len(words) - n + 1, 0)
    rolled: Hashes = np.zeros(count, dtype=np.uint64)
    for i in range(n):
        rolled = rolled * _BASE + words[i : i + count]
    return rolled


def read_set(path: str, fields: tuple[str, ...]) -> Iterator[str]:
    """The texts of an evaluation set: JSON lines, tab-separated values, or a text a line.

    `fields` are names in JSON, numbers of columns from 0 in tab-separated values;
    none means all.  `.gz`, `.xz`, `.bz2` and `.zst` are unpacked.
    Raises SettingError when the file is missing, broken, or has no such field.
    """
    if not files.exists(path):
        raise SettingError(f"Evaluation set {path} does not exist", "Change contamination.sets")
    name = path.removesuffix(".zst").removesuffix(".gz").removesuffix(".xz").removesuffix(".bz2")
    lines = read_text(path).splitlines()
    try:
        if name.endswith((".jsonl", ".ndjson", ".json")):
            yield from _json_texts(lines, fields)
        elif name.endswith(".tsv"):
            rows = csv.reader(io.StringIO("\n".join(lines)), delimiter="\t", quoting=csv.QUOTE_NONE)
            for row in rows:
                yield from ([row[int(field)] for field in fields] if fields else row)
        else:
            yield from lines
    except (orjson.JSONDecodeError, KeyError, IndexError, ValueError) as error:
        raise SettingError(
            f"Evaluation set {path}: {type(error).__name__} {error}", "Check file and fields"
        ) from None


def _json_texts(lines: Iterable[str], fields: tuple[str, ...]) -> Iterator[str]:
    for line in filter(None, lines):
        row = orjson.loads(line)
        values = [row[field] for field in fields] if fields else row.values()
        yield from (value for value in values if isinstance(value, str))
