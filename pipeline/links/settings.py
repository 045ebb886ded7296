"""Settings of the links stage: where links come from and which are kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipeline.settings import Settings


class RedditDump(Settings):
    """A month or more of Reddit's dumps, as files on disk."""

    kind: Literal["reddit-dump"]
    posts: str = ""
    """Glob of the submissions, such as `dumps/RS_*.zst`."""
    comments: str = ""
    """Glob of the comments, such as `dumps/RC_*.zst`."""


class UrlList(Settings):
    """Addresses that someone chose: one a line, with an optional score after a tab."""

    kind: Literal["urls"]
    path: str
    """Glob of the text files."""


Source = Annotated[RedditDump | UrlList, Field(discriminator="kind")]


class LinksSettings(Settings):
    """The `[links]` section of a recipe."""

    sources: tuple[Source, ...] = Field(min_length=1)
    min_karma: int = 3
    """WebText's threshold (Radford et al. 2019, section 2.1)."""
    karma_rule: Literal["max", "sum"] = "max"
    """How the scores of one page's mentions become its karma.  WebText's paper asks for a post
    with at least 3 karma (max); OpenWebText2 adds the scores up (sum)."""
    over_18: bool = False
    """Whether posts marked as not safe for work count."""
