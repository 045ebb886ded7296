"""Scores and dates of a row of a list."""

from __future__ import annotations

import re
from typing import Any

from pipeline.links.records import BadLineError
from pipeline.store.moments import is_missing, seconds_of

#: Thousands parted by a comma, a blank or an apostrophe; a number shortened, or with its unit.
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:([, \u00a0\u202f'])\d{3})(?:\1\d{3})*")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d{1,2}")
_SHORTENED = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*([km]?)(?:\s+(?:points?|upvotes?))?", re.I)
_FACTORS = {"": 1, "k": 1_000, "m": 1_000_000}


def score_of(value: Any) -> int | None:
    """A score as a whole number; None where there is none.  A list of them is added up.

    Raises BadLineError for what is no number.
    """
    try:
        if isinstance(value, list):
            return sum(score_of(one) or 0 for one in value)
        if is_missing(value):
            return None
        return _number(value.strip()) if isinstance(value, str) else int(float(value))
    except (TypeError, ValueError, OverflowError) as error:
        raise BadLineError(f"score: {error}") from None


def _number(text: str) -> int:
    if _THOUSANDS.fullmatch(text):
        text = re.sub(r"[, \u00a0\u202f']", "", text)
    if _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    if found := _SHORTENED.fullmatch(text):
        return round(float(found[1]) * _FACTORS[found[2].lower()])
    return int(float(text))


def created_of(date: Any) -> int:
    """Seconds since 1970 of a date; of several the first, 0 where there is none.

    Raises BadLineError for what is no date.
    """
    if isinstance(date, list):
        date = min(date, key=str, default=None)
    try:
        return seconds_of(date)
    except ValueError as error:
        raise BadLineError(f"date: {error}") from None
