"""What every source gives: mentions of addresses; and what is said of a line that is none."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

_MOST = 1 << 31  # of a score; Reddit's highest are below a million
_LATEST = 253_402_300_799  # seconds; the end of the year 9999, where Python's dates end
_HALF = re.compile("[\ud800-\udfff]")


class Mention(msgspec.Struct, frozen=True, gc=False):
    """One link in one post, comment or list.  `score` None: someone chose it."""

    url: str
    kind: str  # post | selftext | comment | list
    reddit_id: str = ""
    subreddit: str = ""
    score: int | None = None
    created: int = 0  # seconds since 1970, UTC; 0 when not known
    thread: str = ""  # full name of the post that a comment belongs to


#: What a mention can be of.
MENTION_KINDS = ("post", "selftext", "comment", "list")


class BadLineError(ValueError):
    """A line that is no record."""


def in_range(score: int, created: int) -> None:
    """Raises BadLineError for numbers that no post has and later steps could not add up or date."""
    if not (-_MOST < score < _MOST and -_LATEST <= created <= _LATEST):
        raise BadLineError("score or time is out of range")


def tolerant_json(line: bytes) -> Any:
    """The value of a line of JSON, as lenient as Python's own reader; BadLineError for none.

    NaN and infinite numbers, raw control characters, halves of surrogates and bytes that are no
    UTF-8 may stand in it.  The last two come out as halves of surrogates: see `whole_text`.
    """
    try:
        return json.loads(line.decode("utf-8", "surrogateescape"), strict=False)
    except (ValueError, RecursionError) as error:
        raise BadLineError(f"{type(error).__name__}: {error}") from None


def whole_text(text: str) -> str:
    """The text with U+FFFD for each half of a surrogate, which nothing could write."""
    return text if text.isascii() else _HALF.sub("\ufffd", text)


def is_whole(text: str) -> bool:
    """Whether a text holds no half of a surrogate."""
    return text.isascii() or _HALF.search(text) is None
