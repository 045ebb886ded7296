"""The links of a comment of Reddit."""

from __future__ import annotations

from pipeline.links.posts import text_links
from pipeline.links.records import BadLineError, Mention
from pipeline.links.things import Comment, stamp, text_of


def comment_links(comment: Comment, *, escaped: bool = True, hidden: bool = False) -> list[Mention]:
    """The links of a comment; none while its score is hidden, which is then no score.

    `escaped`: the text has HTML's escapes, as in dumps; `hidden`: also while its score is hidden.
    Raises BadLineError for what is no comment.
    """
    if comment.is_post:
        raise BadLineError("a post, not a comment")
    name, subreddit, score, created = stamp(comment)
    if comment.hidden is True and not hidden:
        return []
    thread = text_of(comment.link_id)
    links = text_links(comment.body, escaped)
    return [Mention(url, "comment", name, subreddit, score, created, thread) for url in links]
