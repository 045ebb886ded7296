"""Figures of how good predictions are, each with its 95 % bounds."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.objectives.intervals import wilson

Numbers = NDArray[np.float64]
#: Samples with replacement of the examples (Efron and Tibshirani 1993, percentile bounds).
_RESAMPLES = 1000
_SEED = 1


@dataclass(frozen=True)
class Metric:
    """`columns` makes numbers of predictions and truth, (examples, n); `value` a figure of them."""

    name: str
    columns: Callable[[Sequence[Any], Sequence[Any]], Numbers]
    value: Callable[[Numbers], float]


def figures(
    metrics: Sequence[Metric], predicted: Sequence[Any], truth: Sequence[Any]
) -> dict[str, float]:
    """Each metric with its bounds, `_low` and `_high`; all in the order of the examples.

    Those of an accuracy are Wilson's, others come from resampling the examples.
    """
    result: dict[str, float] = {}
    for metric in metrics:
        numbers = metric.columns(predicted, truth)
        value = metric.value(numbers)
        if metric.name == "accuracy":
            low, high = wilson(float(numbers.sum()), len(truth))
        else:
            low, high = _resampled(metric, numbers)
        result |= {metric.name: value, f"{metric.name}_low": low, f"{metric.name}_high": high}
    return result


def _resampled(metric: Metric, numbers: Numbers) -> tuple[float, float]:
    generator = np.random.Generator(np.random.Philox(key=_SEED))
    count = len(numbers)
    values = [
        metric.value(numbers[generator.integers(count, size=count)]) for _ in range(_RESAMPLES)
    ]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _right(predicted: Sequence[Any], truth: Sequence[Any]) -> Numbers:
    pairs = zip(predicted, truth, strict=True)
    return np.array([[float(a == b)] for a, b in pairs])


def _numbered(predicted: Sequence[Any], truth: Sequence[Any]) -> Numbers:
    """Labels as numbers: (examples, 2)."""
    number = {label: n for n, label in enumerate(sorted({*predicted, *truth}))}
    return np.array([[number[a], number[b]] for a, b in zip(predicted, truth, strict=True)], float)


def _values(predicted: Sequence[Any], truth: Sequence[Any]) -> Numbers:
    return np.stack([np.array(predicted, float), np.array(truth, float)], axis=1)


def _mean(numbers: Numbers) -> float:
    return float(numbers.mean())


def _matthews(numbers: Numbers) -> float:
    """Matthews' correlation, CoLA's metric (Warstadt et al. 2018); 0 where it is not defined.

    With more than two labels it is Gorodkin's R_K, of which Matthews' is the case of two.
    """
    labels = numbers.astype(np.int64)
    count, size = len(labels), int(labels.max()) + 1
    mine, theirs = (np.bincount(column, minlength=size).astype(float) for column in labels.T)
    right = float((labels[:, 0] == labels[:, 1]).sum())
    covariance = right * count - float(mine @ theirs)
    spread = (count**2 - float(mine @ mine)) * (count**2 - float(theirs @ theirs))
    return covariance / spread**0.5 if spread > 0 else 0.0


def _pearson(numbers: Numbers) -> float:
    """Linear correlation; 0 where one of both never varies."""
    centred = numbers - numbers.mean(axis=0)
    spread = float(np.sqrt((centred**2).sum(axis=0).prod()))
    return float(centred.prod(axis=1).sum() / spread) if spread else 0.0


def _spearman(numbers: Numbers) -> float:
    """Correlation of the ranks, equal values sharing theirs."""
    return _pearson(np.stack([_ranks(column) for column in numbers.T], axis=1))


def _ranks(values: Numbers) -> Numbers:
    _, rank, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: Numbers = ((ends - counts) + (ends - 1))[rank] / 2
    return ranks


def _best_of(score: Callable[[list[str], list[str]], float]) -> Callable[..., Numbers]:
    """The best score of an answer against each of the right ones; no right one is no answer."""

    def columns(predicted: Sequence[Any], truth: Sequence[Any]) -> Numbers:
        return np.array(
            [
                [max(score(_words(a), _words(text)) for text in ([t for _, t in b] or [""]))]
                for a, b in zip(predicted, truth, strict=True)
            ]
        )

    return columns


def _f1(mine: list[str], theirs: list[str]) -> float:
    """Harmonic mean of precision and recall of the words."""
    if not mine or not theirs:
        return float(mine == theirs)
    common = sum((Counter(mine) & Counter(theirs)).values())
    return 2 * common / (len(mine) + len(theirs))


def _words(text: str) -> list[str]:
    """Small letters, without punctuation and articles (SQuAD's `evaluate-v2.0.py`)."""
    plain = "".join(c for c in text.lower() if c not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", plain).split()


ACCURACY = Metric("accuracy", _right, _mean)
MATTHEWS = Metric("matthews", _numbered, _matthews)
PEARSON = Metric("pearson", _values, _pearson)
SPEARMAN = Metric("spearman", _values, _spearman)
EXACT_MATCH = Metric("exact_match", _best_of(lambda mine, theirs: float(mine == theirs)), _mean)
F1 = Metric("f1", _best_of(_f1), _mean)
