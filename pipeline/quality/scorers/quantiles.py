"""Ranks of scores by a table of quantiles, fitted once and kept in a file; buckets of ranks.

The rank of a score is the share of the documents of that table that score lower (ties count
half).  A table of its own, and not the month at hand, decides: so a document's rank depends on
nothing but its text, and a new month changes no old one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import numpy.typing as npt
import orjson

from pipeline.quality.scorers.identity import scorer_key
from pipeline.quality.scorers.settings import EnsembleSettings, ScorerSettings
from pipeline.store import files
from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.parquet import batches

Floats = npt.NDArray[np.float64]

STEPS = 1000  # of a table: ranks are exact to a thousandth
#: Documents below which no table is made: a bucket of a twentieth would stand for less than 5.
LEAST = 100
_MOST_BYTES = 1 << 26
_COMBINE: Mapping[str, Callable[[Sequence[float]], float]] = {
    "max": max,
    "mean": fmean,
    "min": min,
}


@dataclass(frozen=True)
class Quantiles:
    """Of one scorer: float64 (STEPS + 1,), ascending; `model` is the key of the scorer."""

    model: str
    documents: int
    values: Floats

    def rank(self, score: float) -> float:
        """The share of the documents that score lower, in [0, 1]."""
        below = np.searchsorted(self.values, score, side="left")
        until = np.searchsorted(self.values, score, side="right")
        return float((below + until) / 2 / len(self.values))

    def threshold(self, share: float) -> float:
        """The score that so large a share of the documents has or exceeds."""
        return float(self.values[round((1 - share) * STEPS)])


Table = dict[str, Quantiles]


def check_shares(shares: Sequence[float]) -> Sequence[float]:
    """The same shares of documents to keep; SettingError for one that is none."""
    for share in shares:
        if not 0 < share < 1:
            raise SettingError(f"--keep {share:g} is no share", "Give a number between 0 and 1")
    return shares


def fit_quantiles(corpus: Corpus, intervals: Sequence[str], path: str) -> Table:
    """Writes a table for all scorers with which these intervals were measured.

    Raises WebtextError without scorers, with other ones in another interval, or with fewer than
    LEAST documents.
    """
    keys = [_keys(corpus, interval) for interval in intervals]
    if not keys or not keys[0]:
        raise WebtextError(
            "No document was scored", "Build with a section [quality.scorers.NAME] first"
        )
    for interval, other in zip(intervals, keys, strict=True):
        if other != keys[0]:
            raise WebtextError(
                f"{intervals[0]} and {interval} were scored by different models",
                "Build them with the same scorers, or name intervals that were",
            )
    paths = [place for interval in intervals for place in corpus.paths("quality", interval)]
    table: Table = {}
    for name, key in keys[0].items():
        scores = np.sort(np.array(list(_scores(paths, f"scorers_{name}_score")), dtype=np.float64))
        if len(scores) < LEAST:
            raise WebtextError(
                f"{len(scores)} documents are too few for quantiles", f"Measure {LEAST} or more"
            )
        values = np.quantile(scores, np.linspace(0, 1, STEPS + 1))
        table[name] = Quantiles(key, len(scores), values)
    files.write_bytes(path, _to_json(table))
    return table


def _keys(corpus: Corpus, interval: str) -> dict[str, str]:
    """The key of each scorer by which an interval was measured."""
    manifest = corpus.require("quality", interval)
    scorers = manifest.settings.get("quality", {}).get("scorers", {})
    where = f"the settings of {interval}"
    return {
        name: scorer_key(ScorerSettings.checked(values, where), manifest.inputs[f"scorer {name}"])
        for name, values in sorted(scorers.items())
    }


def _scores(paths: Iterable[str], column: str) -> Iterable[float]:
    for path in paths:
        for batch in batches(path, [column]):
            yield from batch.column(column).to_pylist()


def _to_json(table: Table) -> bytes:
    plain = {
        name: {"model": one.model, "documents": one.documents, "quantiles": one.values.tolist()}
        for name, one in table.items()
    }
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n"


def read_quantiles(path: str) -> Table:
    """Raises SettingError where the file is missing or no such table."""
    if not files.exists(path):
        raise SettingError(f"{path} does not exist", "Make it: webtext fit-quantiles ROOT FILE")
    try:
        if files.size(path) > _MOST_BYTES:
            raise ValueError("it is far too long")
        values = orjson.loads(files.read_bytes(path))
        table = {
            str(name): Quantiles(
                str(one["model"]), int(one["documents"]), np.array(one["quantiles"], np.float64)
            )
            for name, one in values.items()
        }
        for one in table.values():
            if one.values.shape != (STEPS + 1,) or not (np.diff(one.values) >= 0).all():
                raise ValueError("its quantiles are not in order")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingError(
            f"{path} is no table of quantiles: {error}", "Make it again: webtext fit-quantiles"
        ) from None
    return table


class Ensemble:
    """Several scorers joined: one rank and its bucket for each document."""

    def __init__(self, name: str, settings: EnsembleSettings, keys: Mapping[str, str]) -> None:
        """`keys` of the scorers there are; SettingError for a table of others."""
        self._name, self._settings = name, settings
        table = read_quantiles(settings.quantiles)
        for scorer in settings.scorers:
            if scorer not in table or table[scorer].model != keys[scorer]:
                problem = "was fitted to another model" if scorer in table else "has no quantiles"
                raise SettingError(
                    f"{settings.quantiles} {problem} of scorer {scorer}",
                    "Build without the ensemble, then run webtext fit-quantiles",
                )
        self._table = table

    def columns(self, scores: Mapping[str, float]) -> dict[str, float]:
        """Rank and bucket, by column, of a document with these scores by scorer."""
        ranks = [self._table[name].rank(scores[name]) for name in self._settings.scorers]
        rank = _COMBINE[self._settings.combine](ranks)
        bucket = min(int(rank * self._settings.buckets), self._settings.buckets - 1)
        family = f"ensembles_{self._name}"
        return {f"{family}_rank": rank, f"{family}_bucket": float(bucket)}
