"""Posts of Reddit as a source reads them: which count, and their links."""

from __future__ import annotations

from pipeline.links.read_log import ReadLog
from pipeline.links.records import Mention, Post, post_links, turned_away


def counted_links(post: Post, log: ReadLog, *, escaped: bool) -> list[Mention]:
    """The links of a post, none of one that does not count.  Raises BadLineError for no post."""
    reason = turned_away(post, log.over_18)
    if reason is None:
        return post_links(post, escaped=escaped)
    log.turn_away(f"posts_{reason}")
    if reason == "over_18":
        log.mark_over_18(f"t3_{post.id}")
    return []
