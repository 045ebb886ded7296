"""What one record of Reddit says: the links of a post or a comment, from dumps and from the API.

Fields differ by year (arctic_shift's schemas of all months since 2005): `created_utc`
is a string in 2014 and 2015, `url` is null in two months of 2022, `name` is missing in
many years.  Dumps escape `&`, `<` and `>` as HTML does; the API, asked with `raw_json=1`,
does not.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from pipeline.links.markdown import links_in


@dataclass(frozen=True)
class Mention:
    """One link in one post, comment or list.  `score` None: someone chose it."""

    url: str
    kind: str  # post | selftext | comment | list
    reddit_id: str = ""
    subreddit: str = ""
    score: int | None = None
    created: int = 0  # seconds since 1970, UTC; 0 when not known
    thread: str = ""  # full name of the post that a comment belongs to


class BadLineError(ValueError):
    """A line that is no record."""


def parse(line: bytes) -> dict[str, Any]:
    """The JSON object of a line; BadLineError where it is none."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadLineError(str(error)) from None
    if not isinstance(row, dict):
        raise BadLineError("not a JSON object")
    return row


def turned_away(post: dict[str, Any], over_18: bool) -> str | None:
    """Why a post as a whole does not count: `promoted` or `over_18`; None when it does."""
    if post.get("promoted"):
        return "promoted"
    return "over_18" if post.get("over_18") and not over_18 else None


def post_links(row: dict[str, Any], *, escaped: bool = True) -> Iterator[Mention]:
    """The links of a post: its own address, its gallery's and those in its self text.

    Raises BadLineError for what is no post.
    """
    name, subreddit, score, created = _stamp(row, "t3_")
    if not row.get("is_self"):
        url = row.get("url_overridden_by_dest") or row.get("url")
        for address in (url, *_gallery(row)):
            if isinstance(address, str) and address:
                plain = html.unescape(address) if escaped else address
                yield Mention(plain, "post", name, subreddit, score, created)
    for url in links_in(_text(row.get("selftext")), escaped=escaped):
        yield Mention(url, "selftext", name, subreddit, score, created)


def comment_links(row: dict[str, Any], *, escaped: bool = True) -> Iterator[Mention]:
    """The links of a comment; none while its score is hidden, which is then no score.

    Raises BadLineError for what is no comment.
    """
    name, subreddit, score, created = _stamp(row, "t1_")
    if row.get("score_hidden"):
        return
    thread = _text(row.get("link_id"))
    for url in links_in(_text(row.get("body")), escaped=escaped):
        yield Mention(url, "comment", name, subreddit, score, created, thread)


def _gallery(row: dict[str, Any]) -> Iterator[Any]:
    data = row.get("gallery_data")
    items = data.get("items") if isinstance(data, dict) else None
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            yield item.get("outbound_url")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _stamp(row: dict[str, Any], prefix: str) -> tuple[str, str, int, int]:
    """(full name, subreddit, score, time); what cannot be read makes a bad line."""
    try:
        return (
            prefix + str(row["id"]),
            _text(row.get("subreddit")),
            int(row["score"]),
            int(float(row["created_utc"])),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadLineError(f"{type(error).__name__}: {error}") from None
