"""Which corpus each sample of a mixture comes from: exact shares over any prefix.

Drawing corpora at random gives shares that wander.  Here they are scheduled: after any
number n of samples, corpus c has given w_c * n of them but for less than one.  This is the
chairman assignment problem; the rule is Tijdeman's (Discrete Mathematics 32, 1980), whose
bound 1 - 1 / (2 C - 2) for C corpora is the best there is.  Weights are fractions, so the
schedule repeats after a period, which is the table kept here: any sample's corpus, and its
number within that corpus, follow from a lookup.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from pipeline.store.errors import SettingError

#: Longest period: weights with more digits than a share needs would only cost memory.
LONGEST = 100_000

Numbers = npt.NDArray[np.int64]


class Mixture:
    """A schedule of corpora by weight.

    `weights` are taken as written (0.1 is a tenth) and need not add up to 1.
    Raises SettingError when one is not positive, or when their common period is beyond LONGEST.
    """

    def __init__(self, weights: Sequence[float]) -> None:
        if not weights or any(not (w > 0 and math.isfinite(w)) for w in weights):
            raise SettingError(
                f"data.weights = {list(weights)} must be positive numbers", "Leave a corpus out"
            )
        parts = [Fraction(str(weight)) for weight in weights]
        scale = math.lcm(*(part.denominator for part in parts))
        shares = [int(part * scale) for part in parts]
        common = math.gcd(*shares)
        #: How many samples of each corpus a period holds.
        self.shares = np.array([share // common for share in shares], dtype=np.int64)
        self.period = int(self.shares.sum())
        if self.period > LONGEST:
            raise SettingError(
                f"data.weights = {list(weights)} repeat only after {self.period:,} samples",
                f"Round them so that they do within {LONGEST:,}",
            )
        self._corpus = _schedule(self.shares)
        taken = self._corpus[:, None] == np.arange(len(self.shares))
        #: int64 (period + 1, C): samples of each corpus among the first n of a period.
        self._before = np.zeros((self.period + 1, len(self.shares)), dtype=np.int64)
        self._before[1:] = np.cumsum(taken, axis=0)

    def locate(self, indices: npt.ArrayLike) -> tuple[Numbers, Numbers]:
        """Of each sample of the mixture: its corpus, and its number within that corpus."""
        rounds, places = np.divmod(np.asarray(indices, dtype=np.int64), self.period)
        corpora = self._corpus[places]
        return corpora, rounds * self.shares[corpora] + self._before[places, corpora]

    def counts(self, samples: int) -> list[int]:
        """How many of the first `samples` each corpus gives."""
        rounds, rest = divmod(samples, self.period)
        counts: list[int] = (rounds * self.shares + self._before[rest]).tolist()
        return counts


def _schedule(shares: Numbers) -> Numbers:
    """One period: at each step, of the corpora whose turn may come, the one most pressed.

    In units of 1 / (period * slack), with slack = 2 C - 2: corpus c may be taken at step n when
    w_c n - taken >= 1 / slack, and must be before w_c n - taken exceeds 1 - 1 / slack.
    """
    period, slack = int(shares.sum()), max(2 * len(shares) - 2, 1)
    order = np.zeros(period, dtype=np.int64)
    taken = [0] * len(shares)
    weights = [int(share) for share in shares]
    for step in range(1, period + 1):
        due = [slack * (w * step - t * period) for w, t in zip(weights, taken, strict=True)]
        ready = [c for c in range(len(weights)) if due[c] >= period] or [int(np.argmax(due))]
        pick = min(ready, key=lambda c: Fraction(slack * period - period - due[c], weights[c]))
        order[step - 1] = pick
        taken[pick] += 1
    return order
