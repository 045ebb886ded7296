"""Ways to do the same, each once in a turn, by the processor time that they take."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence


def lower_quartiles(ways: Sequence[Callable[[], object]], turns: int) -> list[float]:
    """Milliseconds of each: the lower quartile of all turns, which other work changes least."""
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(turns):
        for way, taken in zip(ways, times, strict=True):
            began = time.process_time()
            way()
            taken.append(1000 * (time.process_time() - began))
    return [statistics.quantiles(taken, n=4)[0] for taken in times]
