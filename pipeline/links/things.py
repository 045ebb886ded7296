"""Reddit's things, posts and comments: the fields that matter, out of dumps and API answers.

Fields differ by year (arctic_shift's schemas of all months since 2005): `created_utc` is a
string in 2014 and 2015, `url` is null in two months of 2022, a few scores of late 2017 are null,
`name` is missing in many years, `crosspost_parent_list` is there since 2017.

Only the fields that matter are made into objects (msgspec), which takes some 60 to 80 % of the
time of parsing a line whole.  A line that msgspec refuses is read once more by Python's tolerant
reader: what stands in fields that nobody uses costs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import msgspec

from pipeline.links.dumps import object_lines
from pipeline.links.records import BadLineError, in_range, is_whole, tolerant_json, whole_text

#: Stands for the list of repeated posts where there is none.
NO_PARENTS = msgspec.Raw()


class Meta(msgspec.Struct, gc=False):
    """What arctic_shift adds to a thing since 2023-11."""

    retrieved_2nd_on: Any = None


class Thing(msgspec.Struct, gc=False):
    """What posts and comments have in common; any value passes here and is judged later."""

    #: What a full name begins with.
    prefix: ClassVar[str]

    id: Any = None
    subreddit: Any = None
    score: Any = None
    created_utc: Any = None
    retrieved_on: Any = None
    retrieved_utc: Any = None
    meta: Meta | bool | int | float | str | list[Any] | None = msgspec.field(
        name="_meta", default=None
    )


class Post(Thing, gc=False):
    """The fields of a post that matter here."""

    prefix: ClassVar[str] = "t3_"

    is_self: Any = None
    url: Any = None
    url_overridden_by_dest: Any = None
    selftext: Any = None
    gallery_data: Any = None
    crosspost_parent_list: msgspec.Raw = NO_PARENTS
    promoted: Any = None
    over_18: Any = None
    hidden: Any = msgspec.field(name="hide_score", default=None)
    #: A comment has it and a post has not.
    link_id: Any = None


class Comment(Thing, gc=False):
    """The fields of a comment that matter here."""

    prefix: ClassVar[str] = "t1_"

    body: Any = None
    link_id: Any = None
    hidden: Any = msgspec.field(name="score_hidden", default=None)
    #: A post has these and a comment has not.
    title: Any = None
    is_self: Any = None

    @property
    def is_post(self) -> bool:
        """Whether it is a post in truth."""
        return self.body is None and (self.title is not None or self.is_self is not None)


T = TypeVar("T", Post, Comment)

#: What a decoder of msgspec raises; RecursionError where a line is nested some hundreds deep.
_REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_POST, _COMMENT = msgspec.json.Decoder(Post), msgspec.json.Decoder(Comment)
_PARENT_FIELDS = ("url", "url_overridden_by_dest", "is_self")
#: Fields in which a broken character makes another address or name; elsewhere it is replaced.
_EXACT = ("id", "url", "url_overridden_by_dest")


def parse_post(line: bytes) -> Post:
    """The post of a line; BadLineError where it is no JSON object."""
    try:
        return _POST.decode(line)
    except _REFUSED:
        return _tolerant(Post, tolerant_json(line))


def parse_comment(line: bytes) -> Comment:
    """The comment of a line; BadLineError where it is no JSON object."""
    try:
        return _COMMENT.decode(line)
    except _REFUSED:
        return _tolerant(Comment, tolerant_json(line))


def parse_posts(data: bytes) -> list[Post] | None:
    """The posts of whole lines, a post a line, without ever cutting the lines apart.

    None where a line is none or there is a doubt, so that each must be looked at by itself.
    """
    lines = object_lines(data)
    try:
        posts = _POST.decode_lines(data) if lines else []
    except _REFUSED:
        return None
    return posts if lines and len(posts) == lines else None


def thing_of(row: Mapping[str, Any]) -> Post | Comment:
    """The post or comment of an answer of the API, told by its full name."""
    if str(row.get("name", "")).startswith("t1_"):
        return _tolerant(Comment, row)
    return _tolerant(Post, row)


def parents_of(post: Post) -> list[dict[str, Any]]:
    """What a crosspost repeats: of each post its addresses, and whether it is a text; no names.

    Empty where it repeats nothing, or nothing that can be read.
    """
    if post.crosspost_parent_list is NO_PARENTS:
        return []
    try:
        return bare_parents(msgspec.json.decode(post.crosspost_parent_list))
    except _REFUSED:
        return []


def bare_parents(parents: Any) -> list[dict[str, Any]]:
    """A list of repeated posts with the fields that matter alone, which name no user."""
    rows = parents if isinstance(parents, list) else []
    return [
        {name: row[name] for name in _PARENT_FIELDS if name in row}
        for row in rows
        if isinstance(row, dict)
    ]


def field_names(kind: type[Thing]) -> dict[str, str]:
    """The fields that are read: the name that Reddit gives each -> the name here."""
    return {field.encode_name: field.name for field in msgspec.structs.fields(kind)}


def full_name(thing: Thing) -> str:
    """`t3_…` of a post, `t1_…` of a comment."""
    return f"{thing.prefix}{thing.id}"


def stamp(thing: Thing) -> tuple[str, str, int, int]:
    """(full name, subreddit, score, time); BadLineError where one cannot be read."""
    if thing.id is None:
        raise BadLineError("no id")
    score, created = thing.score, thing.created_utc
    if type(score) is not int or type(created) is not int:
        try:
            score, created = int(score), int(float(created))
        except (TypeError, ValueError, OverflowError) as error:
            raise BadLineError(f"{type(error).__name__}: {error}") from None
    in_range(score, created)
    return f"{thing.prefix}{thing.id}", text_of(thing.subreddit), score, created


def text_of(value: Any) -> str:
    """A value that must be a text; empty for another."""
    return value if isinstance(value, str) else ""


def _tolerant(kind: type[T], row: Any) -> T:
    """The thing of a JSON object.  Raises BadLineError for no object and for a broken address."""
    if not isinstance(row, Mapping):
        raise BadLineError("not a JSON object")
    values: dict[str, Any] = {}
    for name, field in field_names(kind).items():
        value = row.get(name)
        if field == "meta":
            value = Meta(value.get("retrieved_2nd_on")) if isinstance(value, dict) else None
        elif field == "crosspost_parent_list" and value is not None:
            value = msgspec.Raw(json.dumps(bare_parents(value)).encode())
        elif isinstance(value, str) and not is_whole(value):
            if field in _EXACT:
                raise BadLineError(f"{name}: half a character")
            value = whole_text(value)
        if value is not None:
            values[field] = value
    return kind(**values)
