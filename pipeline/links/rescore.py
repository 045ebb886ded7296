"""Scores that a dump caught too early, asked for again: `webtext rescore`.

Public dumps of some months hold posts and comments as they were seconds after they were made, with
a score of 1, and no threshold on karma says anything then.  Dumps since 2023-11 caught scores
again after 36 hours (`_meta.retrieved_2nd_on`), but for some months.  A thing is young when its
score was caught less than so many hours after it was made, or while Reddit hid it; 24 is well
below those 36, and above the seconds of the others.

Only things are asked for that hold an address which the recipe's rules let in.  The answer is a
file of posts and comments like a dump's: the dump's own fields with the score of now.  It appears
when all are there; until then the answers are kept beside its place, so a killed run does not ask
again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from pipeline.links.comments import comment_links
from pipeline.links.dumps import blocks, lines, linked_lines
from pipeline.links.mentions import to_row
from pipeline.links.posts import post_links, turned_away
from pipeline.links.records import BadLineError, Mention
from pipeline.links.reddit_api import kept_things
from pipeline.links.reddit_dump import RedditDump
from pipeline.links.rules import Rules
from pipeline.links.scores import seconds_old
from pipeline.links.settings import LinksSettings
from pipeline.links.things import (
    Comment,
    Post,
    field_names,
    full_name,
    parents_of,
    parse_comment,
    parse_post,
)
from pipeline.store import files
from pipeline.store.errors import SettingError

_AT_ONCE = 10_000  # things held in memory
_HOUR = 3600.0  # seconds
#: What of a thing says how it was caught, and so is not said of it with the score of now; what a
#: crosspost repeats is said without names.
_LEFT_OUT = frozenset(
    "retrieved_on retrieved_utc _meta hide_score score_hidden crosspost_parent_list".split()
)


class RescoreOptions(NamedTuple):
    """Which things are asked for again, and with whose credentials."""

    hours: float
    unknown: bool
    site: str


@dataclass
class RescoreNumbers:
    """How many were read, caught young, do not say when they were, were asked for, were got."""

    posts: int = 0
    comments: int = 0
    young: int = 0
    unknown: int = 0
    asked: int = 0
    got: int = 0


def rescore_dumps(
    settings: LinksSettings, options: RescoreOptions, say: Callable[[str], None]
) -> RescoreNumbers:
    """Writes the `scores` of each dump of a recipe that has none yet; zeros when all are there.

    Raises SettingError where no dump names such a file, WebtextError when the API fails.
    """
    dumps = [one for one in settings.sources if isinstance(one, RedditDump) and one.scores]
    if not dumps:
        raise SettingError(
            "links.sources: no reddit-dump says where its scores go",
            'Add scores = "scores/{interval}.jsonl" to it',
        )
    total = RescoreNumbers()
    for dump in dumps:
        if files.exists(dump.scores):
            say(f"{dump.scores} is there; remove it to ask again")
            continue
        _Rescore(settings, dump, options, total, say).run()
    return total


class _Rescore:
    """The posts and comments of one dump, read once; `numbers` counts along."""

    def __init__(
        self,
        settings: LinksSettings,
        dump: RedditDump,
        options: RescoreOptions,
        numbers: RescoreNumbers,
        say: Callable[[str], None],
    ) -> None:
        self._rules, self._settings = Rules(settings), settings
        self._dump, self._options, self._numbers, self._say = dump, options, numbers, say
        self._answers = f"{dump.scores}.answers"

    def run(self) -> None:
        """Asks for some things at a time, and writes those that Reddit still has."""
        young, numbers = self._young(), self._numbers
        with files.atomic(self._dump.scores) as temporary, open(temporary, "wb") as whole:
            while things := list(islice(young, _AT_ONCE)):
                for line in self._rescored(things):
                    whole.write(line)
                    numbers.got += 1
                numbers.asked += len(things)
                self._say(f"rescore: {numbers.asked:,} posts and comments asked for")
        files.remove(self._answers)

    def _young(self) -> Iterator[Post | Comment]:
        for item in self._dump.dump_items():
            things = (
                self._comments(item.path) if item.part == "comments" else self._posts(item.path)
            )
            for thing in things:
                if self._counts(thing) and self._is_young(thing):
                    yield thing

    def _posts(self, path: str) -> Iterator[Post]:
        for block in blocks(path, accept_cut=self._dump.accept_cut):
            for _, line in lines(block):
                self._numbers.posts += 1
                try:
                    yield parse_post(line)
                except BadLineError:
                    continue  # the links stage counts and keeps it

    def _comments(self, path: str) -> Iterator[Comment]:
        for block in blocks(path, accept_cut=self._dump.accept_cut):
            read, chosen = linked_lines(block)
            self._numbers.comments += read
            for _, line in chosen:
                try:
                    yield parse_comment(line)
                except BadLineError:
                    continue

    def _is_young(self, thing: Post | Comment) -> bool:
        age = seconds_old(thing)
        if age is None and thing.hidden is not True:
            self._numbers.unknown += 1
            return self._options.unknown
        young = thing.hidden is True or (age is not None and age < self._options.hours * _HOUR)
        self._numbers.young += young
        return young

    def _counts(self, thing: Post | Comment) -> bool:
        """Whether a score could bring in a page of this post or comment."""
        try:
            rows = [to_row(mention) for mention in self._links(thing)]
        except BadLineError:
            return False
        return any(
            self._rules.uncounted(row) is None
            and self._rules.why_dropped(row["url"], row["host"], None, ()) is None
            for row in rows
        )

    def _links(self, thing: Post | Comment) -> list[Mention]:
        if isinstance(thing, Comment):
            return comment_links(thing, hidden=True)
        rules = self._settings
        if turned_away(thing, over_18=rules.over_18, crossposts=rules.crossposts):
            return []
        return post_links(thing)

    def _rescored(self, things: Sequence[Post | Comment]) -> Iterator[bytes]:
        by_name = {full_name(thing): thing for thing in things}
        for row in kept_things(self._options.site, list(by_name), self._answers):
            thing = by_name.get(row.get("name", ""))
            if thing is not None and type(row.get("score")) is int and not row.get("score_hidden"):
                yield _line(thing, row["score"])


def _line(thing: Post | Comment, score: int) -> bytes:
    """A thing as a line of a dump, with the score of now."""
    values: dict[str, Any] = {"link_id": ""} if isinstance(thing, Comment) else {}
    for name, field in field_names(type(thing)).items():
        if name not in _LEFT_OUT and getattr(thing, field) is not None:
            values[name] = getattr(thing, field)
    if isinstance(thing, Post) and (parents := parents_of(thing)):
        values["crosspost_parent_list"] = parents
    return msgspec.json.encode(values | {"score": score}) + b"\n"
