"""Values of tables that other people made: dates as they write them, and what stands for none."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from dateutil import parser

#: What stands for no value: as Python, databases and tables of numbers write it; Reddit's pages
#: show a dot for a score that is hidden.
_MISSING = frozenset({"", "none", "null", "nan", "nat", "na", "n/a", "\\n", "-", "•"})
_NO_DATE = re.compile(r"0000-00-00(?:[ T]00:00:00)?")

#: Numbers from here on count thousandths of seconds (as seconds it is year 5138), and so on.
_MILLISECONDS = 100_000_000_000
#: Days of a spreadsheet: 1970-01-01 is day 25,569, and no list is of before 1982 or after 2173.
_FIRST_DAY, _LAST_DAY, _DAY_OF_1970 = 30_000, 100_000, 25_569
_DAY = 86_400
_ZONE = re.compile(r" (?:UTC|GMT)$")
_MIDNIGHT = re.compile(r"(\d{4}-?\d\d-?\d\d)[T ]24:?00(?::?00)?")
_LONGEST = 64  # characters of a date
#: A date without a year gets this one, which no post has.
_NO_YEAR = datetime(1, 1, 1)  # the zone is that of the text
#: Hours from UTC of the zones that RFC 822, 5.1 names.
_ZONES = {
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip


def is_missing(value: Any) -> bool:
    """Whether a value stands for none: as JSON, databases and tables of numbers write it."""
    if isinstance(value, str):
        return value.strip().lower() in _MISSING
    return value is None or value == [] or value != value  # noqa: PLR0124 - NaN


def seconds_of(value: Any) -> int:
    """Seconds since 1970 of a date, in UTC where it names no zone; 0 where there is none.

    Numbers are seconds, or thousandths, millionths or billionths of them, or a spreadsheet's days.
    Raises ValueError for what is no date.
    """
    if is_missing(value):
        return 0
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return _from_number(value)
        if isinstance(value, datetime):
            return _in_utc(value)
        if isinstance(value, date):
            return _in_utc(datetime(value.year, value.month, value.day))
        return _from_text(str(value).strip())
    except (TypeError, OverflowError) as error:
        raise ValueError(str(error)) from None


def _from_text(text: str) -> int:
    """A number, or the first way in which the text can be read."""
    if _NO_DATE.fullmatch(text):
        return 0
    if len(text) > _LONGEST:
        raise ValueError(f"{len(text)} characters are no date")
    ways: list[Callable[[str], int]] = [_of_an_index, _from_digits, _iso, _of_a_mail]
    for read in ways:
        with suppress(ValueError, TypeError):
            return read(text)
    return _of_people(text)


def _of_an_index(text: str) -> int:
    """`20240105100000`, as archives and logs write it, and the same without seconds."""
    if not (text.isdigit() and len(text) in (12, 14)):
        raise ValueError(text)
    return _in_utc(datetime.strptime(text, "%Y%m%d%H%M%S" if len(text) == 14 else "%Y%m%d%H%M"))


def _from_digits(text: str) -> int:
    """A number; one of four or eight digits is a year or a day."""
    if text.isdigit() and len(text) in (4, 8):
        raise ValueError(text)
    return _from_number(float(text))


def _iso(text: str) -> int:
    late = _MIDNIGHT.fullmatch(text)
    text = late[1] if late else _ZONE.sub("", text)
    return _in_utc(datetime.fromisoformat(text)) + _DAY * bool(late)


def _of_a_mail(text: str) -> int:
    if not text[:1].isalpha():
        raise ValueError(text)
    return _in_utc(parsedate_to_datetime(text))


def _of_people(text: str) -> int:
    """`5 January 2024`, `1/13/2024 10:00 AM`, `05.01.2024`: between dots the day comes first."""
    moment = parser.parse(
        text.replace(":", " ", 1) if re.match(r"\d\d/\w{3}/\d{4}:", text) else text,
        default=_NO_YEAR,
        dayfirst=re.match(r"\d{1,2}\.\d{1,2}\.", text) is not None,
        tzinfos=lambda name, offset: offset if offset is not None else _seconds_from_utc(name),
    )
    if moment.year == _NO_YEAR.year:
        raise ValueError(f"{text!r} has no year")
    return _in_utc(moment)


def _seconds_from_utc(zone: str | None) -> int:
    return int(timedelta(hours=_ZONES.get(zone or "", 0)).total_seconds())


def _from_number(number: float) -> int:
    """Seconds, thousandths, millionths or billionths of them, or the days of a spreadsheet."""
    if number >= _MILLISECONDS**2:
        raise OverflowError(f"{number:g} is no time")
    while number >= _MILLISECONDS:
        number /= 1_000
    if _FIRST_DAY <= number < _LAST_DAY:
        number = (number - _DAY_OF_1970) * _DAY
    return int(number)


def _in_utc(moment: datetime) -> int:
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
