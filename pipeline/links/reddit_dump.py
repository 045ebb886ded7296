"""A month or more of Reddit's dumps as a source (`kind = "reddit-dump"`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import ClassVar, Literal

from pipeline.links.comments import comment_links
from pipeline.links.dumps import Block, lines, linked_lines
from pipeline.links.posts import counted_links
from pipeline.links.read_log import ReadLog
from pipeline.links.records import BadLineError, Mention
from pipeline.links.sources import LinkSource, SourceItem, matching
from pipeline.links.things import Comment, Post, parse_comment, parse_post, parse_posts
from pipeline.store import files
from pipeline.store.errors import SettingError, WebtextError

#: How an array of objects begins.
_ARRAY = re.compile(rb"\s*\[\s*\{")


class RedditDump(LinkSource):
    """A month or more of Reddit's dumps, as files on disk."""

    kind: Literal["reddit-dump"]
    """Reddit's dumps."""
    posts: str = ""
    """Glob of the submissions, such as `dumps/RS_*.zst`."""
    comments: str = ""
    """Glob of the comments, such as `dumps/RC_*.zst`."""
    accept_cut: bool = False
    """Take what a file holds that ends in the middle; without this it is an error."""
    scores: str = ""
    """File of posts and comments whose score was caught too early, with the score of now, which
    `webtext rescore` writes: `scores/{interval}.jsonl`.  It is read beside them."""

    globs: ClassVar[tuple[str, ...]] = ("posts", "comments")
    #: The file is an input of the build like any other, so what it says decides.
    volatile: ClassVar[frozenset[str]] = frozenset({"scores"})

    def find(self) -> list[SourceItem]:
        """Posts, comments, and those that were asked for again."""
        if not self.posts and not self.comments:
            raise SettingError(
                "links.sources: a reddit-dump names no file", "Give posts = … or comments = …"
            )
        items = self.dump_items()
        if self.scores and not files.exists(self.scores):
            raise SettingError(
                f"links.sources: scores = {self.scores!r} is not there",
                "Run `webtext rescore RECIPE` first, or leave scores out",
            )
        return [*items, *([SourceItem(self, self.scores, "scores")] if self.scores else [])]

    def dump_items(self) -> list[SourceItem]:
        """The files of posts and of comments.  SettingError where there is none of one."""
        posts = matching("posts", self.posts) if self.posts else []
        comments = matching("comments", self.comments) if self.comments else []
        return [
            *(SourceItem(self, path, "posts") for path in posts),
            *(SourceItem(self, path, "comments", sparse=True) for path in comments),
        ]

    def patterns(self, *, scores: bool = True) -> Sequence[str]:
        """With the file of scores, which is written later than the dumps."""
        return [self.posts, self.comments, *([self.scores] if scores else [])]

    def mentions(self, item: SourceItem, log: ReadLog) -> Iterator[Mention]:
        """Of posts or comments.  Raises WebtextError for a file that holds the other of the two."""
        if item.part == "scores":
            return self._of_scores(item.path, log)
        if item.part == "comments":
            return self._of_comments(item.path, log)
        return self._of_posts(item.path, log)

    def _of_posts(self, path: str, log: ReadLog) -> Iterator[Mention]:
        for number, block in enumerate(self._blocks(path, log)):
            posts = parse_posts(block.data)
            if posts is None:
                posts = []
                read = partial(_post_of_line, log=log, posts=posts)
                yield from log.lines_of(block, read)
            else:
                log.count(len(posts))
                yield from _of_block(block, posts, log)
            if not number:
                _refuse_others(path, "posts", [post.link_id is not None for post in posts])
            log.scores["posts"].add(posts)

    def _of_comments(self, path: str, log: ReadLog) -> Iterator[Mention]:
        for number, block in enumerate(self._blocks(path, log)):
            count, chosen = linked_lines(block)
            log.count(count)
            log.turn_away(records=count - len(chosen))
            comments: list[Comment] = []
            read = partial(_comment_of_line, comments=comments)
            for offset, line in chosen:
                yield from log.attempt(offset, line, read)
            if not number:
                _refuse_others(path, "comments", [comment.is_post for comment in comments])
            log.scores["comments"].add(comments)

    def _of_scores(self, path: str, log: ReadLog) -> Iterator[Mention]:
        """Of posts and comments that were asked for again; where none had to be, it is empty."""
        for block in log.blocks(path, accept_cut=True):
            posts: list[Post] = []
            comments: list[Comment] = []
            read = partial(_thing_of_line, log=log, posts=posts, comments=comments)
            yield from log.lines_of(block, read)
            log.scores["posts"].add_rescored(posts)
            log.scores["comments"].add_rescored(comments)

    def _blocks(self, path: str, log: ReadLog) -> Iterator[Block]:
        for block in log.blocks(path, accept_cut=self.accept_cut):
            if not block.offset and _ARRAY.match(block.data):
                raise WebtextError(
                    f"{path} is a JSON array; a dump has one object a line",
                    f"Write it anew: jq -c '.[]' {path}",
                )
            yield block


def _post_of_line(line: bytes, log: ReadLog, posts: list[Post]) -> list[Mention]:
    post = parse_post(line)
    posts.append(post)
    return counted_links(post, log, escaped=True)


def _comment_of_line(line: bytes, comments: list[Comment]) -> list[Mention]:
    comment = parse_comment(line)
    comments.append(comment)
    return comment_links(comment)


def _thing_of_line(
    line: bytes, log: ReadLog, posts: list[Post], comments: list[Comment]
) -> list[Mention]:
    if b'"link_id":' in line:  # within a text its quotes would be escaped
        return _comment_of_line(line, comments)
    return _post_of_line(line, log, posts)


def _of_block(block: Block, posts: list[Post], log: ReadLog) -> Iterator[Mention]:
    """The mentions of the posts of a block; it is cut into lines only where one is bad."""
    cut: list[tuple[int, bytes]] = []
    for number, post in enumerate(posts):
        try:
            yield from counted_links(post, log, escaped=True)
        except BadLineError as error:
            cut = cut or list(lines(block))
            log.reject(*cut[number], error)


def _refuse_others(path: str, kind: str, are_others: list[bool]) -> None:
    """Raises WebtextError where most records of a file's first block are of the other kind."""
    if 2 * sum(are_others) <= len(are_others):
        return
    other = "comments" if kind == "posts" else "posts"
    raise WebtextError(
        f"{path} holds {other}, and {kind} = names it",
        f"Name it as {other} = … in links.sources",
    )
