"""Perplexity of a text under a small trigram model of own counts.

Interpolated absolute discounting (Ney, Essen and Kneser 1994): an n-gram's count less
DISCOUNT, and what that leaves goes to the shorter n-gram; at the bottom every token has
the same chance.  Counts are kept by hash in sorted arrays, so scoring is a few
binary searches for a whole document.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import model_validator

from pipeline.quality.contamination import Hashes, roll, token_hashes
from pipeline.quality.measure import Limit, Limits, Measure
from pipeline.quality.words import Pieces
from pipeline.store import files
from pipeline.store.errors import SettingError

ORDER = 3
DISCOUNT = 0.75  # Church and Gale 1991 found it for counts above 1
_TRAIN = "`webtext train-perplexity` writes one"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NgramTable:
    """The n-grams of one length, by sorted hash: counts, and as contexts what follows them."""

    hashes: Hashes
    counts: Floats
    totals: Floats  # tokens that follow
    distinct: Floats  # different ones of these

    def look_up(self, wanted: Hashes) -> npt.NDArray[np.int64]:
        """The row of each hash, -1 where it is not there."""
        if not len(self.hashes):
            return np.full(len(wanted), -1, dtype=np.int64)
        nearest = np.minimum(np.searchsorted(self.hashes, wanted), len(self.hashes) - 1)
        rows: npt.NDArray[np.int64] = np.where(self.hashes[nearest] == wanted, nearest, -1)
        return rows


@dataclass(frozen=True)
class NgramModel:
    """Tables of lengths 1 to ORDER, and the number of tokens seen."""

    tables: tuple[NgramTable, ...]
    tokens: int

    def perplexity(self, tokens: list[str]) -> float | None:
        """exp of the mean negative log probability of a token; None for an empty text."""
        if not tokens:
            return None
        words = token_hashes(tokens)
        unigrams = self.tables[0]
        vocabulary = len(unigrams.hashes) + 1  # and one for all unknown tokens
        left = DISCOUNT * len(unigrams.hashes) / self.tokens
        chance = _share(unigrams, words, float(self.tokens)) + left / vocabulary
        for n in range(2, min(ORDER, len(tokens)) + 1):
            before, shorter = roll(words, n - 1)[:-1], self.tables[n - 2]
            rows = shorter.look_up(before)
            totals = np.where(rows >= 0, shorter.totals[rows], 0.0)
            kept = np.maximum(totals, 1.0)
            distinct = np.where(totals > 0, shorter.distinct[rows], 0.0)
            longer = _share(self.tables[n - 1], roll(words, n), kept)
            rest = np.where(totals > 0, DISCOUNT * distinct / kept, 1.0)
            chance[n - 1 :] = np.where(totals > 0, longer, 0.0) + rest * chance[n - 1 :]
        return float(np.exp(-np.log(chance).mean()))

    def write(self, path: str) -> None:
        """Writes an .npz file; equal models give equal bytes."""
        arrays = {"tokens": np.int64(self.tokens)}
        for n, table in enumerate(self.tables, 1):
            for name in ("hashes", "counts", "totals", "distinct"):
                arrays[f"{name}{n}"] = getattr(table, name)
        stream = io.BytesIO()
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
        files.write_bytes(path, stream.getvalue())

    @classmethod
    def read(cls, path: str) -> NgramModel:
        """Raises SettingError when the file is missing or no such model."""
        names = ("hashes", "counts", "totals", "distinct")
        try:
            with np.load(io.BytesIO(files.read_bytes(path)), allow_pickle=False) as stored:
                tables = [
                    NgramTable(*(stored[f"{x}{n}"] for x in names)) for n in range(1, ORDER + 1)
                ]
                return cls(tuple(tables), int(stored["tokens"]))
        except FileNotFoundError:
            raise SettingError(f"Perplexity model {path} does not exist", _TRAIN) from None
        except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
            raise SettingError(f"{path} is no perplexity model: {error}", "Train again") from None


def _share(table: NgramTable, grams: Hashes, totals: Floats | float) -> Floats:
    """The discounted share of each n-gram among `totals`; 0 for unknown ones."""
    rows = table.look_up(grams)
    counts = np.where(rows >= 0, table.counts[rows], 0.0)
    return np.asarray(np.maximum(counts - DISCOUNT, 0.0) / totals, dtype=np.float64)


def train(texts: Iterable[list[str]]) -> NgramModel:
    """A model of the n-grams of token lists; their order does not matter.

    Raises SettingError when there are no tokens.  Takes about 50 bytes a token.
    """
    words = [token_hashes(tokens) for tokens in texts if tokens]
    if not words:
        raise SettingError("No text to train a perplexity model on", "Give files with text")
    tables = []
    for n in range(1, ORDER + 1):
        grams, counts = np.unique(np.concatenate([roll(w, n) for w in words]), return_counts=True)
        tables.append((grams, counts.astype(np.float64), *_successors(words, n, grams)))
    return NgramModel(tuple(NgramTable(*table) for table in tables), sum(map(len, words)))


def _successors(words: list[Hashes], n: int, grams: Hashes) -> tuple[Floats, Floats]:
    """For each n-gram: how often a token follows it, and how many different ones do."""
    contexts = np.concatenate([roll(w, n)[: max(len(w) - n, 0)] for w in words])
    longer = np.concatenate([roll(w, n + 1) for w in words])
    totals, distinct = (np.zeros(len(grams)) for _ in range(2))
    np.add.at(totals, np.searchsorted(grams, contexts), 1.0)
    _, first = np.unique(longer, return_index=True)
    np.add.at(distinct, np.searchsorted(grams, contexts[first]), 1.0)
    return totals, distinct


class PerplexitySettings(Limits):
    """Perplexity a token under an n-gram model that `webtext train-perplexity` made."""

    model: str | None = None
    """The file with the model."""
    min_perplexity: Limit = False
    """Least perplexity: below it text repeats itself or the model's."""
    max_perplexity: Limit = False
    """Greatest perplexity: above it text is unlike the model's."""

    @model_validator(mode="after")
    def _has_model(self) -> Self:
        self.need_model(self.model)
        return self


class Perplexity(Measure):
    """Columns and rules of `[quality.perplexity]`."""

    settings = PerplexitySettings
    columns = ("perplexity_perplexity",)
    rank = 80

    def __init__(self, settings: PerplexitySettings) -> None:
        super().__init__(settings)
        self._model = None if settings.model is None else NgramModel.read(settings.model)

    def measure(self, pieces: Pieces) -> dict[str, float | None]:
        """Perplexity a token; None without a model or tokens."""
        model = self._model
        return {"perplexity_perplexity": model.perplexity(pieces.tokens) if model else None}

    @classmethod
    def files(cls, settings: PerplexitySettings) -> dict[str, str]:
        """The model."""
        return {"perplexity model": settings.model} if settings.model else {}
