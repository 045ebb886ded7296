"""How old the scores of posts and comments were when they were caught, counted by month.

Dumps catch a post when it is made, and some never look again: its score is 1 then, and a
threshold on karma loses the month without a word.  Each record may say when it was read
(`retrieved_on`, `retrieved_utc`; since 2023-11 `_meta.retrieved_2nd_on`, 36 hours later) and
whether Reddit hid its score, which it does in the first hours (`hide_score`, `score_hidden`).

Records are counted column by column, thousands at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

#: Seconds; a score read earlier says little: "most scores level off within 24 h" (Pushshift's
#: author, dmarx/psaw#14), and the dumps that look again do so after 36 hours.
YOUNG = 24 * 3_600.0

#: What is counted of a month, or of a source: records with a score, those at score 1, the sum of
#: scores, those hidden, those that say when they were read or were hidden, of these the young,
#: and how many were asked for again.
COLUMNS = ("scored", "score_1", "score_sum", "hidden", "dated", "young", "rescored")

_MISSING = np.iinfo(np.int64).min
_MOST = 1 << 40  # of a number that counts; beyond any score and any second of a date
_AT_ONCE = 10_000  # records counted together
_Ints = npt.NDArray[np.int64]


class ScoredRecord(Protocol):
    """What is asked of a post or a comment; any value may stand in each field."""

    score: Any
    created_utc: Any
    retrieved_on: Any
    retrieved_utc: Any
    meta: Any
    hidden: Any


class ScoreTally:
    """The numbers of one source: by month (`2024-01`), each a mapping of `COLUMNS`."""

    def __init__(self) -> None:
        self._months: dict[str, dict[str, int]] = {}
        self._waiting = _Columns()

    def add(self, records: Sequence[ScoredRecord]) -> None:
        """Counts records; those without a score or a time are left out."""
        self._waiting.add(records)
        if len(self._waiting.scores) >= _AT_ONCE:
            self._count()

    def add_rescored(self, records: Sequence[ScoredRecord]) -> None:
        """Counts records whose scores were asked for again."""
        created = whole_numbers([record.created_utc for record in records])
        self._add_by_month(created[created > 0], {"rescored": np.ones_like(created[created > 0])})

    def months(self) -> dict[str, dict[str, int]]:
        """The numbers by month, in order."""
        self._count()
        return dict(sorted(self._months.items()))

    def _count(self) -> None:
        columns, self._waiting = self._waiting, _Columns()
        scores, created = whole_numbers(columns.scores), whole_numbers(columns.created)
        caught, hidden = columns.caught(), np.array(columns.hidden, bool)
        dated = (caught != _MISSING) | hidden
        young = hidden | ((caught != _MISSING) & (caught - created < YOUNG))
        valid = (scores != _MISSING) & (created > 0)
        numbers = {
            "scored": valid,
            "score_1": scores == 1,
            "score_sum": scores,
            "hidden": hidden,
            "dated": dated,
            "young": young,
        }
        self._add_by_month(created[valid], {name: of[valid] for name, of in numbers.items()})

    def _add_by_month(
        self, created: _Ints, numbers: Mapping[str, npt.NDArray[np.int64 | np.bool_]]
    ) -> None:
        """Adds numbers of records up by the month in which each was made."""
        times = created.astype("datetime64[s]").astype("datetime64[M]")
        months, places = np.unique(times, return_inverse=True)
        rows = [self._months.setdefault(str(month), dict.fromkeys(COLUMNS, 0)) for month in months]
        for name, of in numbers.items():
            for row, number in zip(rows, np.bincount(places, of).tolist(), strict=True):
                row[name] += int(number)


class _Columns:
    """What is counted of some records, value beside value."""

    def __init__(self) -> None:
        self.scores: list[Any] = []
        self.created: list[Any] = []
        self.hidden: list[bool] = []
        self._on: list[Any] = []
        self._utc: list[Any] = []
        self._second: list[Any] = []

    def add(self, records: Sequence[ScoredRecord]) -> None:
        self.scores += [record.score for record in records]
        self.created += [record.created_utc for record in records]
        self.hidden += [record.hidden is True for record in records]
        self._on += [record.retrieved_on for record in records]
        self._utc += [record.retrieved_utc for record in records]
        self._second += [getattr(record.meta, "retrieved_2nd_on", None) for record in records]

    def caught(self) -> _Ints:
        """When each score was last read, in seconds since 1970; the smallest number: unknown."""
        times = whole_numbers(self._on)
        for others in (self._utc, self._second):
            numbers = whole_numbers(others)
            newer = numbers != _MISSING
            if others is self._utc:
                newer &= times == _MISSING
            times = np.where(newer, numbers, times)
        return times


def seconds_old(record: ScoredRecord) -> float | None:
    """How old a post or comment was when its score was last read; None where it does not say."""
    column = _Columns()
    column.add([record])
    caught, created = column.caught()[0], whole_numbers(column.created)[0]
    return None if _MISSING in (caught, created) else float(caught - created)


def whole_numbers(values: Sequence[Any]) -> _Ints:
    """The values as whole numbers, those that are none as the smallest one."""
    kinds = set(map(type, values))
    if kinds == {int}:
        try:
            numbers = np.array(values, np.int64)
        except OverflowError:
            return np.array([_whole_number(value) for value in values], np.int64)
        return np.where(abs(numbers) < _MOST, numbers, _MISSING)
    if kinds == {float}:  # as the API writes times
        floats = np.array(values)
        floats[~(abs(floats) < _MOST)] = np.nan
        return np.where(np.isnan(floats), _MISSING, np.nan_to_num(floats).astype(np.int64))
    if kinds == {type(None)}:
        return np.full(len(values), _MISSING)
    return np.array([_whole_number(value) for value in values], np.int64)


def _whole_number(value: Any) -> int:
    try:
        number = value if type(value) is int else int(float(value))
    except (TypeError, ValueError, OverflowError):
        return _MISSING
    return number if abs(number) < _MOST else _MISSING
