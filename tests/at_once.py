"""Each unit of work carried out by two processes at the same time.

That happens to a unit when a runner starts a straggler's work elsewhere as well, or gives a
worker up that is still there.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from pipeline.engine import sink
from pipeline.store.parts import Part

_pair: list[ProcessPoolExecutor] = []
_barrier: list[Any] = []
_units: Counter[str] = Counter()


@contextmanager
def everything_twice() -> Iterator[Counter[str]]:
    """Within it, two processes carry out each unit of a stage; gives how many, by function."""
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(2, context, _meet_at, (context.Barrier(2),)) as pool,
        pytest.MonkeyPatch.context() as patch,
    ):
        _pair[:] = [pool]
        _units.clear()
        patch.setattr(sink, "_parts_of", _both)
        yield _units


def _meet_at(barrier: Any) -> None:
    _barrier[:] = [barrier]


def _both(unit: Any, make: Callable[[Any], Iterable[Part]]) -> list[Part]:
    """What both processes say that they have made, which must be the same."""
    _units[getattr(make, "__name__", str(make))] += 1
    one, other = [_pair[0].submit(_at_once, make, unit) for _ in range(2)]
    assert one.result() == other.result(), unit
    return one.result()


def _at_once(make: Callable[[Any], Iterable[Part]], unit: Any) -> list[Part]:
    _barrier[0].wait()
    return list(make(unit))
