"""A value of a table in words: moments as dates, mentions as a sentence, long texts cut."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

#: Columns of seconds since 1970, in UTC; 0 where it is not known.
_MOMENTS = frozenset({"created", "fetched_at", "first_seen", "preference_at"})


def cell(name: str, value: Any, longest: int = 300) -> str:
    """The value of a column; of a text that is longer than so many characters, the beginning."""
    if name == "mentions":
        return "; ".join(map(_mention, value or []))
    if name in _MOMENTS and value is not None:
        return _moment(value)
    text = str(round(value, 4) if isinstance(value, float) else value)
    return f"{text[:longest]} … ({len(text):,} characters)" if len(text) > longest else text


def _mention(mention: dict[str, Any]) -> str:
    name, place = mention["reddit_id"], mention["subreddit"]
    where = f" {name} in r/{place}" if name else ""
    return f"{mention['kind']}{where}, {mention['score']} karma, {_moment(mention['created'])}"


def _moment(seconds: int) -> str:
    """`2024-01-02 03:04:05 UTC`; the number where Python knows no such date."""
    if not seconds:
        return "unknown"
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return str(seconds)
