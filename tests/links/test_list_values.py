"""Scores and dates in every form in which lists write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.links.list_values import created_of, score_of
from pipeline.links.records import BadLineError

DAY, TEN = 1_704_412_800, 1_704_448_800  # 2024-01-05, and at ten o'clock

DATES: list[tuple[Any, int]] = [
    ("2024-01-05", DAY), ("2024/01/05", DAY), ("2024.01.05", DAY), ("20240105", DAY),
    ("05.01.2024", DAY), ("01/05/2024", DAY), ("5 Jan 2024", DAY), ("January 5, 2024", DAY),
    ("Fri, 05 Jan 2024 00:00:00 GMT", DAY), (["2024-01-06", "2024-01-05"], DAY),
    ("2024-01-05 00:00:00 UTC", DAY), ("2024-01-05T01:00:00+01:00", DAY), ("45296", DAY),
    ("2024-01-04T24:00:00", DAY),
    ("2024-01-05 10:00:00.123456789", TEN), ("2024-01-05 10:00:00 +0000 UTC", TEN),
    ("202401051000", TEN), ("20240105100000", TEN), ("1/5/2024 10:00 AM", TEN),
    ("05/Jan/2024:10:00:00 +0000", TEN), ("Fri Jan  5 10:00:00 2024", TEN),
    ("2024-01-05 05:00:00 EST", TEN), ("2024-01-05 10:00:00 CET", TEN),  # no zone of RFC 822
    (TEN, TEN), (TEN + 0.5, TEN), (str(TEN), TEN), ("1.7044488E9", TEN),
    (TEN * 10**3, TEN), (TEN * 10**6, TEN), (str(TEN * 10**9), TEN),
    ("13/01/2024", 1_705_104_000), ("2024-01", 1_704_067_200), ("2024", 1_704_067_200),
    (None, 0), ("null", 0), ("NaT", 0), ("0000-00-00 00:00:00", 0), (float("nan"), 0), ("0", 0),
]  # fmt: skip


@pytest.mark.parametrize(("date", "seconds"), DATES)
def test_dates(date: Any, seconds: int) -> None:
    assert created_of(date) == seconds


@pytest.mark.parametrize(
    "date", ["soon", "5 Jan", "2024-13-45", "inf", 1e300, "1e300", True, {"a": 1}, "1 " * 60]
)
def test_what_is_no_date(date: Any) -> None:
    with pytest.raises(BadLineError, match="date: "):
        created_of(date)


SCORES: list[tuple[Any, int | None]] = [
    ("7", 7), ("+7", 7), ("-7", -7), ("7.0", 7), (7.9, 7), ("1,234", 1_234),
    ("1 234 567", 1_234_567),
    ("1'234", 1_234), ("5,0", 5), ("1.2k", 1_200), ("3M", 3_000_000), ("1 point", 1),
    ("12 upvotes", 12), ([1, None, "2"], 3), ("", None), ("None", None), ("•", None), (None, None),
]  # fmt: skip


@pytest.mark.parametrize(("value", "score"), SCORES)
def test_scores(value: Any, score: int | None) -> None:
    assert score_of(value) == score


@pytest.mark.parametrize("value", ["many", "1,2,3", "1.234.567", "inf", [1, "x"], {}])
def test_what_is_no_score(value: Any) -> None:
    with pytest.raises(BadLineError, match="score: "):
        score_of(value)


@given(st.text(alphabet="0123456789 -/:.,TZ+JanFebMonUTCESTamp()'\u0660é", max_size=24))
def test_any_text_is_a_value_or_none(text: str) -> None:
    for read in (score_of, created_of):
        try:
            assert isinstance(read(text) or 0, int)
        except BadLineError as error:
            assert str(error)
