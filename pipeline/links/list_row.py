"""A row of a list: which of its columns is the address, the score, the date.

Lists come with the names that their makers chose; what is known of each is below.  OpenWebText2's
own lists and lm_dataformat's files put them into `meta`, with one value for each post.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.links.list_values import created_of, score_of
from pipeline.links.records import BadLineError, Mention, in_range, is_whole

#: Names of columns, best first.  Those with `reddit_` are of OpenWebText2's scrapes.
ADDRESSES = (
    "url", "link", "uri", "href", "address", "original_url", "target_uri", "warc-target-uri",
    "original", "page", "website",
)  # fmt: skip
SCORES = ("score", "karma", "points", "reddit_score", "reddit_scores")
DATES = (
    "created_utc", "date", "created", "created_at", "timestamp", "time", "reddit_created_utc",
    "fetch_time",
)  # fmt: skip
_POSTS = ("id", "reddit_id")
_SUBREDDITS = ("subreddit", "reddit_subreddit")

_ADDRESS = re.compile(r"\s*https?:[/\\]+[^\s/\\]\S*\s*", re.I)
_BASE_36 = "0123456789abcdefghijklmnopqrstuvwxyz"


def is_address(value: Any) -> bool:
    """Whether a value is one whole address of the web, scheme and all."""
    return isinstance(value, str) and _ADDRESS.fullmatch(value) is not None


def row_mentions(row: Any) -> list[Mention]:
    """The mentions of a row with named columns, in any case, or of a bare address.

    A row of OpenWebText2's layout gives one for each post; any other gives one of kind `list`.
    Raises BadLineError where there is no address, and for a score or a date that is none.
    """
    if isinstance(row, str):
        row = {"url": row}
    if isinstance(row, list) and row:  # an address, and its score and date where it has them
        row = dict(zip(("url", "score", "date"), row, strict=False))
    if not isinstance(row, Mapping):
        raise BadLineError("neither an object nor an address")
    row = {str(name).strip().lower(): value for name, value in row.items()}
    meta = row.get("meta")
    if isinstance(meta, Mapping):
        meta = {str(name).strip().lower(): value for name, value in meta.items()}
        address = _first(meta, ADDRESSES)
        text = row.get("text")
        row = {**row, **meta, "url": text if is_address(text) else address or row.get("url")}
    url = _first(row, ADDRESSES)
    url = _bare_address(url) if isinstance(url, str) else ""
    if not url:
        raise BadLineError("no url")
    if not is_whole(url):
        raise BadLineError("url: half a character, or no UTF-8")
    if isinstance(meta, Mapping) and _first(row, _POSTS) is not None:
        return list(_post_mentions(url, row))
    return [mention(url, _first(row, SCORES), _first(row, DATES))]


def _bare_address(text: str) -> str:
    """An address without what lists put around it or make of it: `<https://a.org/?b&amp;c>`."""
    return text.strip().strip("\ufeff<>").replace("&amp;", "&")


def mention(url: str, score: Any = None, date: Any = None) -> Mention:
    """An address of a list; without a score it is one that someone chose."""
    number, created = score_of(score), created_of(date)
    in_range(number or 0, created)
    return Mention(url, "list", score=number, created=created)


def _post_mentions(url: str, row: Mapping[str, Any]) -> Iterator[Mention]:
    """One for each post of a page, whose values stand in lists side by side."""
    ids = _listed(_first(row, _POSTS))
    columns = [_listed(_first(row, names)) for names in (_SUBREDDITS, SCORES, DATES)]
    for number, post in enumerate(ids):
        subreddit, score, date = (
            column[number] if number < len(column) else None for column in columns
        )
        points, created = score_of(score), created_of(date)
        in_range(points or 0, created)
        name = f"t3_{_base_36(post) if type(post) is int else post}"
        yield Mention(url, "post", name, str(subreddit or ""), points or 0, created)


def _first(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The first value of some columns that is one."""
    return next((row[name] for name in names if row.get(name) not in (None, "", [])), None)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _base_36(number: int) -> str:
    """A post's id as Reddit writes it; OpenWebText2 keeps ids as numbers."""
    digits = ""
    while number > 0:
        number, digit = divmod(number, 36)
        digits = _BASE_36[digit] + digits
    return digits or "0"
