"""How a scorer does on pages that it was not trained on, with intervals of 95 %."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Pages of each kind below which nothing is said: of 30 pages that are all told right, up to
#: 11 % may still be told wrong (Wilson).
LEAST = 30
_Z = 1.959964  # of a normal distribution, 95 % two-sided


@dataclass(frozen=True)
class Estimate:
    """A share, and the interval that holds the true one in 95 of 100 such samples."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True)
class HeldOut:
    """Held-out pages: how well scores order them, and what score 0.5 does.

    `kept_good` and `kept_others`: shares that GPT-3's draw would keep, (2 - score)^-9.
    """

    auc: Estimate
    precision: Estimate
    recall: Estimate
    kept_good: float
    kept_others: float

    def render(self) -> str:
        """As text."""
        return (
            f"AUC {self.auc}, at score 0.5 precision {self.precision}, recall {self.recall}; "
            f"GPT-3's draw keeps {self.kept_good:.1%} of the good and {self.kept_others:.1%} of "
            f"the others."
        )


def held_out(scores: Floats, good: npt.NDArray[np.bool_]) -> HeldOut | None:
    """None with fewer than LEAST pages of a kind: then any figure would be chance.

    `scores`: float64 (N,), in [0, 1]; `good`: bool (N,).
    """
    if min(int(good.sum()), int((~good).sum())) < LEAST:
        return None
    chosen = scores >= 0.5
    right, draws = int((chosen & good).sum()), (2.0 - scores) ** -9.0
    return HeldOut(
        auc(scores[good], scores[~good]),
        wilson(right, int(chosen.sum())),
        wilson(right, int(good.sum())),
        float(draws[good].mean()),
        float(draws[~good].mean()),
    )


def wilson(hits: int, of: int) -> Estimate:
    """The share of `hits`, with the score interval of Wilson (1927); 0 to 1 for none at all."""
    if not of:
        return Estimate(0.0, 0.0, 1.0)
    share, square = hits / of, _Z**2
    centre = (share + square / (2 * of)) / (1 + square / of)
    half = _Z / (1 + square / of) * np.sqrt(share * (1 - share) / of + square / (4 * of**2))
    return Estimate(share, max(0.0, float(centre - half)), min(1.0, float(centre + half)))


def auc(good: Floats, others: Floats) -> Estimate:
    """The chance that a good page has the higher score (ties count half).

    The interval is that of DeLong, DeLong and Clarke-Pearson (1988).  `good`, `others`: float64.
    """
    above = _share_below(good, others)  # of each good page: the others that it is above
    below = 1.0 - _share_below(others, good)
    value = float(above.mean())
    variance = above.var(ddof=1) / len(good) + below.var(ddof=1) / len(others)
    half = _Z * float(np.sqrt(variance))
    return Estimate(value, max(0.0, value - half), min(1.0, value + half))


def _share_below(values: Floats, others: Floats) -> Floats:
    """Of each value: the share of `others` that are less, equal ones counted half."""
    ordered = np.sort(others)
    less = np.searchsorted(ordered, values, side="left")
    equal = np.searchsorted(ordered, values, side="right") - less
    return np.asarray((less + equal / 2) / len(others), dtype=np.float64)
