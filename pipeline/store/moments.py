"""Values of tables that other people made: dates as they write them, and what stands for none."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any

#: What stands for no value: as Python, databases and tables of numbers write it.
_MISSING = frozenset({"", "none", "null", "nan", "na", "n/a", "\\n", "-"})
_MILLISECONDS = 100_000_000_000  # a number from here on counts them; as seconds it is year 5138
_ZONE = re.compile(r" (?:UTC|GMT)$")


def is_missing(value: Any) -> bool:
    """Whether a value stands for none: as JSON, databases and tables of numbers write it."""
    if isinstance(value, str):
        return value.strip().lower() in _MISSING
    return value is None or value == [] or value != value  # noqa: PLR0124 - NaN


def seconds_of(value: Any) -> int:
    """Seconds since 1970 of a date, in UTC where it names no zone; 0 where there is none.

    Numbers are seconds or milliseconds.  Raises ValueError for what is no date.
    """
    if is_missing(value):
        return 0
    try:
        if isinstance(value, (int, float)):
            return _from_number(value)
        if isinstance(value, datetime):
            return _in_utc(value)
        if isinstance(value, date):
            return _in_utc(datetime(value.year, value.month, value.day))
        return _from_text(str(value).strip())
    except (TypeError, OverflowError) as error:
        raise ValueError(str(error)) from None


def _from_text(text: str) -> int:
    """A time of an archive's index, a number, the date of a mail, or an ISO date."""
    if len(text) == 14 and text.isdigit():
        return _in_utc(datetime.strptime(text, "%Y%m%d%H%M%S"))
    if text.replace(".", "", 1).isdigit() and len(text) > 8:
        return _from_number(float(text))
    if text[:1].isalpha():
        return _in_utc(parsedate_to_datetime(text))
    return _in_utc(datetime.fromisoformat(_ZONE.sub("", text)))


def _from_number(number: float) -> int:
    return int(number / 1_000 if number >= _MILLISECONDS else number)


def _in_utc(moment: datetime) -> int:
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
