"""Settings of the links stage: where links come from and which are kept."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, SerializeAsAny

from pipeline.links.sources import SOURCES, LinkSource
from pipeline.store.settings import KindIn, Settings

Source = Annotated[SerializeAsAny[LinkSource], KindIn(SOURCES)]
Kind = Literal["post", "selftext", "comment", "list"]
Blocklist = Literal[
    "reddit", "media", "wikipedia", "file_type", "webtext", "openwebtext", "openwebtext2"
]


class LinksSettings(Settings):
    """The `[links]` section of a recipe."""

    sources: tuple[Source, ...] = Field(min_length=1)
    """Where links come from: tables with a `kind` and the keys of that kind."""
    min_karma: int = 3
    """Least karma of a page: WebText's threshold.  Source: Radford et al. 2019, section 2.1."""
    karma_rule: Literal["max", "sum", "any"] = "max"
    """How the scores of one page's mentions become its karma.  WebText's paper asks for a post
    with at least 3 karma (max); OpenWebText2 adds the scores up (sum).  With `any` a mention is
    enough, whatever its score.  Source: Radford et al. 2019, section 2.1."""
    kinds: tuple[Kind, ...] = ("post", "selftext", "comment", "list")
    """The mentions that count.  OpenWebText and OpenWebText2 count posts alone."""
    over_18: bool = False
    """Whether posts marked as not safe for work count, and comments below them."""
    crossposts: bool = True
    """Whether the karma of a crosspost counts for the link it repeats.  Its readers voted on that
    link as those of the first post did; where one post took off in another subreddit, the first
    has next to none.  Without it a crosspost counts for nothing."""
    since: date | None = None
    """First day (UTC) whose mentions count."""
    until: date | None = None
    """Last day (UTC) whose mentions count.  WebText ends with December 2017."""
    subreddits: tuple[str, ...] = ()
    """Subreddits whose mentions count; empty for all."""
    block_subreddits: tuple[str, ...] = ()
    """Subreddits whose mentions do not count."""
    domains: tuple[str, ...] = ()
    """Hosts to keep, with all below them; empty for all."""
    block_domains: tuple[str, ...] = ()
    """Hosts to leave out, with all below them."""
    blocklists: tuple[Blocklist, ...] = ("reddit", "media", "wikipedia", "file_type")
    """Lists of what to leave out; each drop names its list (`pipeline/store/blocklist.py`)."""
