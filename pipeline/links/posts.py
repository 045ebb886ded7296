"""The links of a post of Reddit, and which posts count."""

from __future__ import annotations

import re
from typing import Any

from pipeline.links.markdown import TextError, links_in, unescape
from pipeline.links.read_log import ReadLog
from pipeline.links.records import BadLineError, Mention
from pipeline.links.things import NO_PARENTS, Post, parents_of, stamp, text_of

#: A post's own address that leads back to Reddit, as those of crossposts do.
_REDDIT = re.compile(r"/|https?://(?:[^/?#]*\.)?(?:reddit\.com|redd\.it)(?:[/?#]|$)", re.I)


def counted_links(post: Post, log: ReadLog, *, escaped: bool) -> list[Mention]:
    """The links of a post, none of one that does not count.  Raises BadLineError for no post."""
    if post.link_id is not None:
        raise BadLineError("a comment, not a post")
    if not post.promoted and not post.over_18 and log.crossposts:  # most
        return post_links(post, escaped=escaped)
    reason = turned_away(post, over_18=log.over_18, crossposts=log.crossposts)
    if reason is None:
        return post_links(post, escaped=escaped)
    log.turn_away(f"posts_{reason}")
    if reason == "over_18":
        log.mark_over_18(f"t3_{post.id}")
    return []


def turned_away(post: Post, *, over_18: bool, crossposts: bool = True) -> str | None:
    """Why a post as a whole does not count: `promoted`, `over_18`, `crosspost`; None if it does."""
    if post.promoted:
        return "promoted"
    if post.over_18 and not over_18:
        return "over_18"
    return "crosspost" if not crossposts and is_crosspost(post) else None


def post_links(post: Post, *, escaped: bool = True) -> list[Mention]:
    """The links of a post: its own address, its gallery's and those in its self text.

    The own address of a crosspost is that of the post it repeats, where its own leads to Reddit.
    `escaped`: texts have HTML's escapes, as in dumps.  Raises BadLineError for what is no post.
    """
    name, subreddit, score, created = stamp(post)
    mentions: list[Mention] = []
    if not post.is_self:
        own = post.url_overridden_by_dest or post.url
        bare = post.gallery_data is None and post.crosspost_parent_list is NO_PARENTS  # most
        for address in (own,) if bare else _addresses(post, own):
            if isinstance(address, str) and address:
                plain = unescape(address) if escaped and "&" in address else address
                mentions.append(Mention(plain, "post", name, subreddit, score, created))
    if post.selftext:
        for url in text_links(post.selftext, escaped):
            mentions.append(Mention(url, "selftext", name, subreddit, score, created))
    return mentions


def is_crosspost(post: Post) -> bool:
    """Whether a post repeats another."""
    return bool(parents_of(post))


def text_links(text: Any, escaped: bool) -> list[str]:
    """The links of a self text or comment; BadLineError where the parser fails."""
    try:
        return links_in(text_of(text), escaped=escaped)
    except TextError as error:
        raise BadLineError(str(error)) from None


def _addresses(post: Post, own: Any) -> list[Any]:
    if not isinstance(own, str) or _REDDIT.match(own):
        own = _repeated(post) or own
    return [own, *_gallery(post.gallery_data)]


def _repeated(post: Post) -> str | None:
    """The address of the post that a crosspost repeats; None where that is a text or not known."""
    parent = next(iter(parents_of(post)), {})
    if parent.get("is_self"):
        return None
    address = parent.get("url_overridden_by_dest") or parent.get("url")
    return address if isinstance(address, str) else None


def _gallery(data: Any) -> list[Any]:
    items = data.get("items") if isinstance(data, dict) else None
    rows = items if isinstance(items, list) else ()
    return [item.get("outbound_url") for item in rows if isinstance(item, dict)]
