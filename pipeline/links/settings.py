"""Settings of the links stage: where links come from and which are kept."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pipeline.store.settings import Settings


class RedditDump(Settings):
    """A month or more of Reddit's dumps, as files on disk."""

    kind: Literal["reddit-dump"]
    posts: str = ""
    """Glob of the submissions, such as `dumps/RS_*.zst`."""
    comments: str = ""
    """Glob of the comments, such as `dumps/RC_*.zst`."""
    accept_cut: bool = False
    """Take what a file holds that ends in the middle; without this it is an error."""
    scores: str = ""
    """File of posts whose score was caught too early, with the score of now, which
    `webtext rescore` writes: `scores/{interval}.jsonl`.  It is read beside `posts`."""

    #: The file is an input of the build like any other, so what it says decides.
    volatile: ClassVar[frozenset[str]] = frozenset({"scores"})


class RedditApi(Settings):
    """Listings of subreddits, or known posts, by Reddit's API with the user's credentials."""

    kind: Literal["reddit-api"]
    subreddits: tuple[str, ...] = ()
    listing: Literal["top", "new", "hot", "rising", "controversial"] = "top"
    time_filter: Literal["hour", "day", "week", "month", "year", "all"] = "month"
    """For `top` and `controversial`."""
    limit: int = Field(1_000, ge=1, le=1_000)
    """Posts a subreddit; Reddit gives at most 1,000 of a listing."""
    rescore: str = ""
    """Glob of text files with full names (`t3_…`) a line: posts asked for by name, 100 at
    once, for those whose score was caught too early."""
    site: str = "DEFAULT"
    """The section of praw.ini with the credentials; PRAW also reads `praw_client_id` and
    its like from the environment."""

    volatile: ClassVar[frozenset[str]] = frozenset({"site"})

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.subreddits and not self.rescore:
            raise ValueError("reddit-api needs subreddits or rescore")
        return self


class UrlList(Settings):
    """Addresses that someone chose: txt, tsv, csv, jsonl or Parquet (`pipeline/links/lists.py`)."""

    kind: Literal["urls"]
    path: str
    """Glob of the files."""


Source = Annotated[RedditDump | RedditApi | UrlList, Field(discriminator="kind")]
Kind = Literal["post", "selftext", "comment", "list"]
Blocklist = Literal[
    "reddit", "media", "wikipedia", "file_type", "webtext", "openwebtext", "openwebtext2"
]


class LinksSettings(Settings):
    """The `[links]` section of a recipe."""

    sources: tuple[Source, ...] = Field(min_length=1)
    min_karma: int = 3
    """WebText's threshold (Radford et al. 2019, section 2.1)."""
    karma_rule: Literal["max", "sum", "any"] = "max"
    """How the scores of one page's mentions become its karma.  WebText's paper asks for a post
    with at least 3 karma (max); OpenWebText2 adds the scores up (sum).  With `any` a mention is
    enough, whatever its score."""
    kinds: tuple[Kind, ...] = ("post", "selftext", "comment", "list")
    """The mentions that count.  OpenWebText and OpenWebText2 count posts alone."""
    over_18: bool = False
    """Whether posts marked as not safe for work count, and comments below them."""
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
