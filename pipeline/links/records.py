"""What one record of Reddit says: the links of a post or a comment, from dumps and from the API.

Fields differ by year (arctic_shift's schemas of all months since 2005): `created_utc`
is a string in 2014 and 2015, `url` is null in two months of 2022, `name` is missing in
many years.  Dumps escape `&`, `<` and `>` as HTML does; the API, asked with `raw_json=1`,
does not.

Only the fields that matter are made into objects (msgspec), which takes some 60 to 80 % of the
time of parsing a line whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import orjson

from pipeline.links.dumps import object_lines
from pipeline.links.markdown import TextError, links_in, unescape

_MOST = 1 << 31  # of a score; Reddit's highest are below a million
_LATEST = 253_402_300_799  # seconds; the end of the year 9999, where Python's dates end


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


class _Record(msgspec.Struct, gc=False):
    """What posts and comments have in common; any value passes here and is judged later."""

    id: Any = None
    subreddit: Any = None
    score: Any = None
    created_utc: Any = None


class Post(_Record, gc=False):
    """The fields of a post that matter here."""

    is_self: Any = None
    url: Any = None
    url_overridden_by_dest: Any = None
    selftext: Any = None
    gallery_data: Any = None
    promoted: Any = None
    over_18: Any = None


class Comment(_Record, gc=False):
    """The fields of a comment that matter here."""

    body: Any = None
    link_id: Any = None
    score_hidden: Any = None


#: What a decoder of msgspec raises; RecursionError where a line is nested some hundreds deep.
BAD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_POST, _COMMENT = msgspec.json.Decoder(Post), msgspec.json.Decoder(Comment)


def parse(line: bytes) -> dict[str, Any]:
    """The JSON object of a line; BadLineError where it is none."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadLineError(str(error)) from None
    if not isinstance(row, dict):
        raise BadLineError("not a JSON object")
    return row


def parse_post(line: bytes) -> Post:
    """The post of a line; BadLineError where it is no JSON object."""
    try:
        return _POST.decode(line)
    except BAD as error:
        raise BadLineError(str(error)) from None


def parse_posts(data: bytes) -> list[Post] | None:
    """The posts of whole lines, a post a line, without ever cutting the lines apart.

    None where a line is none or there is a doubt, so that each must be looked at by itself.
    """
    lines = object_lines(data)
    try:
        posts = _POST.decode_lines(data) if lines else []
    except BAD:
        return None
    return posts if lines and len(posts) == lines else None


def parse_comment(line: bytes) -> Comment:
    """The comment of a line; BadLineError where it is no JSON object."""
    try:
        return _COMMENT.decode(line)
    except BAD as error:
        raise BadLineError(str(error)) from None


def post_of(row: Mapping[str, Any]) -> Post:
    """The post of an answer of the API; BadLineError where it holds what no dump may hold.

    Python's JSON reader lets half a surrogate pass, which nothing later could write.
    """
    try:
        return parse_post(orjson.dumps(dict(row)))
    except orjson.JSONEncodeError as error:
        raise BadLineError(str(error)) from None


def turned_away(post: Post, over_18: bool) -> str | None:
    """Why a post as a whole does not count: `promoted` or `over_18`; None when it does."""
    if post.promoted:
        return "promoted"
    return "over_18" if post.over_18 and not over_18 else None


def post_links(post: Post, *, escaped: bool = True) -> list[Mention]:
    """The links of a post: its own address, its gallery's and those in its self text.

    Raises BadLineError for what is no post.
    """
    stamp = _stamp(post, "t3_")
    found: list[Mention] = []
    if not post.is_self:
        addresses = [post.url_overridden_by_dest or post.url]
        if post.gallery_data is not None:
            addresses += _gallery(post.gallery_data)
        for address in addresses:
            if isinstance(address, str) and address:
                plain = unescape(address) if escaped and "&" in address else address
                found.append(Mention(plain, "post", *stamp))
    if post.selftext:
        for url in _links(post.selftext, escaped):
            found.append(Mention(url, "selftext", *stamp))
    return found


def comment_links(comment: Comment, *, escaped: bool = True) -> list[Mention]:
    """The links of a comment; none while its score is hidden, which is then no score.

    Raises BadLineError for what is no comment.
    """
    stamp = _stamp(comment, "t1_")
    if comment.score_hidden:
        return []
    thread = _text(comment.link_id)
    return [Mention(url, "comment", *stamp, thread) for url in _links(comment.body, escaped)]


def _gallery(data: Any) -> list[Any]:
    items = data.get("items") if isinstance(data, dict) else None
    rows = items if isinstance(items, list) else ()
    return [item.get("outbound_url") for item in rows if isinstance(item, dict)]


def _links(text: Any, escaped: bool) -> list[str]:
    try:
        return links_in(_text(text), escaped=escaped)
    except TextError as error:
        raise BadLineError(str(error)) from None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _stamp(record: _Record, prefix: str) -> tuple[str, str, int, int]:
    """(full name, subreddit, score, time); what cannot be read makes a bad line."""
    if record.id is None:
        raise BadLineError("no id")
    score, created = record.score, record.created_utc
    if type(score) is not int or type(created) is not int:
        try:
            score, created = int(score), int(float(created))
        except (TypeError, ValueError, OverflowError) as error:
            raise BadLineError(f"{type(error).__name__}: {error}") from None
    in_range(score, created)
    return f"{prefix}{record.id}", _text(record.subreddit), score, created


def in_range(score: int, created: int) -> None:
    """Raises BadLineError for numbers that no post has and later steps could not add up or date."""
    if not (-_MOST < score < _MOST and -_LATEST <= created <= _LATEST):
        raise BadLineError("score or time is out of range")
