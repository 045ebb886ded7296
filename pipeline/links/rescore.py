"""Scores that a dump caught too early, asked for again: `webtext rescore`.

Pushshift's dumps of some months hold posts as they were seconds after they were made, with a
score of 1, and no threshold on karma says anything then.  Dumps since 2023-11 caught scores
again after 36 hours (`_meta.retrieved_2nd_on`).  A post is young when its score was caught
less than so many hours after it was made; 24 is well below those 36, and above the seconds of
the others.

Only posts are asked for that hold an address which the recipe's rules let in.  The answer is a
file of posts like a dump's: the dump's own fields with the score of now.  It appears when all are
there; until then the answers are kept beside its place, so a killed run does not ask again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from pipeline.links.dumps import blocks, lines
from pipeline.links.mentions import to_row
from pipeline.links.records import BAD, BadLineError, Post, post_links, turned_away
from pipeline.links.reddit_api import kept_posts
from pipeline.links.reddit_dump import RedditDump
from pipeline.links.rules import Rules
from pipeline.links.settings import LinksSettings
from pipeline.links.sources import matching
from pipeline.store import files
from pipeline.store.errors import SettingError

_AT_ONCE = 10_000  # posts held in memory
_HOUR = 3600.0  # seconds


class Asked(NamedTuple):
    """Which posts are asked for again, and with whose credentials."""

    hours: float
    unknown: bool
    site: str


@dataclass
class Numbers:
    """Of the posts read, which were caught young, do not say when, were asked for, were got."""

    posts: int = 0
    young: int = 0
    unknown: int = 0
    asked: int = 0
    got: int = 0


class _Caught(Post):
    """A post with the times at which a dump read it, in seconds since 1970."""

    retrieved_on: Any = None
    retrieved_utc: Any = None
    meta: Any = msgspec.field(name="_meta", default=None)


_CAUGHT = msgspec.json.Decoder(_Caught)


def rescore_dumps(settings: LinksSettings, asked: Asked, say: Callable[[str], None]) -> Numbers:
    """Writes the `scores` of each dump of a recipe that has none yet; zeros when all are there.

    Raises SettingError where no dump names such a file, WebtextError when the API fails.
    """
    dumps = [one for one in settings.sources if isinstance(one, RedditDump) and one.scores]
    if not dumps:
        raise SettingError(
            "links.sources: no reddit-dump says where its scores go",
            'Add scores = "scores/{interval}.jsonl" to it',
        )
    total = Numbers()
    for dump in dumps:
        if files.exists(dump.scores):
            say(f"{dump.scores} is there; remove it to ask again")
            continue
        _Rescore(settings, dump, asked, total, say).run()
    return total


class _Rescore:
    """One dump's posts, read once; `numbers` counts along."""

    def __init__(
        self,
        settings: LinksSettings,
        dump: RedditDump,
        asked: Asked,
        numbers: Numbers,
        say: Callable[[str], None],
    ) -> None:
        self._rules, self._over_18 = Rules(settings), settings.over_18
        self._dump, self._asked, self._numbers, self._say = dump, asked, numbers, say
        self._answers = f"{dump.scores}.answers"

    def run(self) -> None:
        """Asks for some posts at a time, and writes those that Reddit still has."""
        young, numbers = self._young(), self._numbers
        with files.atomic(self._dump.scores) as temporary, open(temporary, "wb") as whole:
            while posts := list(islice(young, _AT_ONCE)):
                for line in self._rescored(posts):
                    whole.write(line)
                    numbers.got += 1
                numbers.asked += len(posts)
                self._say(f"rescore: {numbers.asked:,} posts asked for")
        files.remove(self._answers)

    def _young(self) -> Iterator[Post]:
        for path in matching("posts", self._dump.posts):
            for block in blocks(path, accept_cut=self._dump.accept_cut):
                for _, line in lines(block):
                    self._numbers.posts += 1
                    post = _read(line)
                    if post is not None and self._counts(post) and self._is_young(post):
                        yield post

    def _is_young(self, post: _Caught) -> bool:
        age = _age(post)
        if age is None:
            self._numbers.unknown += 1
            return self._asked.unknown
        young = age < self._asked.hours * _HOUR
        self._numbers.young += young
        return young

    def _counts(self, post: Post) -> bool:
        """Whether a score could bring in a page of this post."""
        if turned_away(post, self._over_18):
            return False
        try:
            rows = [to_row(mention) for mention in post_links(post)]
        except BadLineError:
            return False
        return any(
            self._rules.uncounted(row) is None
            and self._rules.why_dropped(row["url"], row["host"], None, ()) is None
            for row in rows
        )

    def _rescored(self, posts: list[Post]) -> Iterator[bytes]:
        names = [f"t3_{post.id}" for post in posts]
        rows = kept_posts(self._asked.site, names, self._answers)
        scores = {row["name"]: row["score"] for row in rows}
        for post, name in zip(posts, names, strict=True):
            if name in scores:
                yield _line(post, scores[name])


def _read(line: bytes) -> _Caught | None:
    """The post of a line; None for what the links stage will count as a bad line."""
    try:
        return _CAUGHT.decode(line)
    except BAD:
        return None


def _age(post: _Caught) -> float | None:
    """Seconds from a post to the last time its score was read; None where it does not say."""
    again = post.meta.get("retrieved_2nd_on") if isinstance(post.meta, dict) else None
    said = next((t for t in (again, post.retrieved_on, post.retrieved_utc) if t is not None), "")
    try:
        return float(said) - float(post.created_utc)
    except (TypeError, ValueError):
        return None


def _line(post: Post, score: int) -> bytes:
    fields = {name: getattr(post, name) for name in Post.__struct_fields__}
    said = {name: value for name, value in {**fields, "score": score}.items() if value is not None}
    return msgspec.json.encode(said) + b"\n"
