"""A month or more of Reddit's dumps as a source (`kind = "reddit-dump"`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pipeline.links.dumps import Block, lines, linked_lines
from pipeline.links.posts import counted_links
from pipeline.links.read_log import ReadLog
from pipeline.links.records import (
    BadLineError,
    Mention,
    Post,
    comment_links,
    parse_comment,
    parse_post,
    parse_posts,
)
from pipeline.links.sources import LinkSource, SourceItem, matching
from pipeline.store import files
from pipeline.store.errors import SettingError


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
    """File of posts whose score was caught too early, with the score of now, which
    `webtext rescore` writes: `scores/{interval}.jsonl`.  It is read beside `posts`."""

    globs: ClassVar[tuple[str, ...]] = ("posts", "comments")
    #: The file is an input of the build like any other, so what it says decides.
    volatile: ClassVar[frozenset[str]] = frozenset({"scores"})

    def find(self) -> list[SourceItem]:
        """Posts, comments, and the posts that were asked for again."""
        if not self.posts and not self.comments:
            raise SettingError("links.sources: a reddit-dump names no file", "Give posts = …")
        posts = matching("posts", self.posts) if self.posts else []
        comments = matching("comments", self.comments) if self.comments else []
        if self.scores and not files.exists(self.scores):
            raise SettingError(
                f"links.sources: scores = {self.scores!r} is not there",
                "Run `webtext rescore RECIPE` first, or leave scores out",
            )
        return [
            *(SourceItem(self, path, "posts") for path in posts),
            *(SourceItem(self, path, "comments", sparse=True) for path in comments),
            *([SourceItem(self, self.scores, "scores")] if self.scores else []),
        ]

    def patterns(self, *, scores: bool = True) -> Sequence[str]:
        """With the file of scores, which is written later than the dumps."""
        return [self.posts, self.comments, *([self.scores] if scores else [])]

    def mentions(self, item: SourceItem, log: ReadLog) -> Iterator[Mention]:
        """Of posts or comments."""
        if item.part == "comments":
            return self._of_comments(item.path, log)
        return self._of_posts(item, log)

    def _of_comments(self, path: str, log: ReadLog) -> Iterator[Mention]:
        for block in log.blocks(path, accept_cut=self.accept_cut):
            count, chosen = linked_lines(block)
            log.count(count)
            log.turn_away(records=count - len(chosen))
            for offset, line in chosen:
                yield from log.attempt(offset, line, lambda raw: comment_links(parse_comment(raw)))

    def _of_posts(self, item: SourceItem, log: ReadLog) -> Iterator[Mention]:
        # Where no post had to be asked for again, the file of scores is empty, not cut.
        accept_cut = self.accept_cut or item.part == "scores"
        for block in log.blocks(item.path, accept_cut=accept_cut):
            posts = parse_posts(block.data)
            if posts is None:
                yield from log.lines_of(
                    block, lambda raw: counted_links(parse_post(raw), log, escaped=True)
                )
            else:
                log.count(len(posts))
                yield from _of_block(block, posts, log)


def _of_block(block: Block, posts: list[Post], log: ReadLog) -> Iterator[Mention]:
    """The mentions of the posts of a block; it is cut into lines only where one is bad."""
    cut: list[tuple[int, bytes]] = []
    for number, post in enumerate(posts):
        try:
            yield from counted_links(post, log, escaped=True)
        except BadLineError as error:
            cut = cut or list(lines(block))
            log.reject(*cut[number], error)
