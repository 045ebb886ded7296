"""Posts from Reddit's API as a source (`kind = "reddit-api"`): listings, and known posts by name.

Read-only, with the user's own credentials from PRAW's usual places (praw.ini or
environment).  PRAW keeps to Reddit's rate by the headers of each answer; a 429 or a
failing server is waited for here, as long as `Retry-After` says.  What Reddit's terms
allow is in `docs/links.md`: read it first.

PRAW is an extra (`pip install webtext[api]`) and is imported late.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from configparser import NoSectionError
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pipeline.links.comments import comment_links
from pipeline.links.posts import counted_links
from pipeline.links.read_log import ReadLog
from pipeline.links.records import BadLineError, Mention
from pipeline.links.sources import LinkSource, SourceItem, matching
from pipeline.links.things import Comment, Post, bare_parents, field_names, thing_of
from pipeline.store import files
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.retry_after import retry_after

if TYPE_CHECKING:
    import praw

_PAGE = 100  # posts an answer; Reddit's most, for listings and for names alike
_SLICE = 10_000  # posts kept in one file, a hundred requests: about a minute at Reddit's rate
_TRIES = 6  # requests for one page before it is given up
_KEPT = ("name", *(field_names(Post) | field_names(Comment)))  # fields; none names a user
_LONGEST_WAIT = 600.0  # seconds; the window of Reddit's rate limit


class RedditApi(LinkSource):
    """Listings of subreddits, or known posts, by Reddit's API with the user's credentials."""

    kind: Literal["reddit-api"]
    """Reddit's API."""
    subreddits: tuple[str, ...] = ()
    """Subreddits whose listings are read, without `r/`."""
    listing: Literal["top", "new", "hot", "rising", "controversial"] = "top"
    """Which of a subreddit's listings."""
    time_filter: Literal["hour", "day", "week", "month", "year", "all"] = "month"
    """For `top` and `controversial`."""
    limit: int = Field(1_000, ge=1, le=1_000)
    """Posts a subreddit; Reddit gives at most 1,000 of a listing."""
    rescore: str = ""
    """Glob of text files with full names (`t3_…` of posts, `t1_…` of comments) a line: asked for
    by name, 100 at once, for those whose score was caught too early."""
    site: str = "DEFAULT"
    """The section of praw.ini with the credentials; PRAW also reads `praw_client_id` and
    its like from the environment."""

    volatile: ClassVar[frozenset[str]] = frozenset({"site"})
    globs: ClassVar[tuple[str, ...]] = ("rescore",)
    local: ClassVar[bool] = False

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.subreddits and not self.rescore:
            raise ValueError("reddit-api needs subreddits or rescore")
        return self

    def find(self) -> list[SourceItem]:
        """A listing for each subreddit, and the files of names."""
        named = matching("rescore", self.rescore) if self.rescore else []
        return [
            *(
                SourceItem(self, name, "listing", f"r/{name}/{self.listing}/{self.time_filter}")
                for name in self.subreddits
            ),
            *(SourceItem(self, path, "rescore") for path in named),
        ]

    def fingerprint(self, item: SourceItem) -> str:
        """Of a listing, what is asked: what it says changes by the minute."""
        if item.part != "listing":
            return super().fingerprint(item)
        query = f"{item.path} {self.listing} {self.time_filter} {self.limit}"
        return hashlib.blake2b(query.encode(), digest_size=32).hexdigest()

    def size(self, item: SourceItem) -> int:
        """0 of a listing."""
        return 0 if item.part == "listing" else super().size(item)

    def mentions(self, item: SourceItem, log: ReadLog) -> Iterator[Mention]:
        """Of the posts and comments that Reddit gives."""
        if item.part == "listing":
            rows = listing_posts(self, item.path)
        else:
            names = files.read_bytes(item.path).decode().split()
            rows = kept_things(self.site, list(dict.fromkeys(names)), log.scratch)
        for number, row in enumerate(rows):
            log.count()
            log.progress(0, posts=1)
            try:
                thing = thing_of(row)
                _note_score(thing, item, log)
                if isinstance(thing, Comment):
                    yield from comment_links(thing, escaped=False)
                else:
                    yield from counted_links(thing, log, escaped=False)
            except BadLineError as error:
                log.reject(number, b"", error)


def _note_score(thing: Post | Comment, item: SourceItem, log: ReadLog) -> None:
    """Counts the score of an answer; that of a thing asked for by name is one asked for again."""
    tally = log.scores["comments" if isinstance(thing, Comment) else "posts"]
    (tally.add if item.part == "listing" else tally.add_rescored)([thing])


def listing_posts(source: RedditApi, subreddit: str) -> Iterator[dict[str, Any]]:
    """The posts of a subreddit's listing, as the API gives them, newest page first.

    Raises WebtextError when the subreddit cannot be read, SettingError without credentials.
    """
    reddit = _reddit(source.site)
    query: dict[str, Any] = {"t": source.time_filter}
    left = source.limit
    while left > 0:
        query["limit"] = min(_PAGE, left)
        data = _get(reddit, f"r/{subreddit}/{source.listing}", query)
        posts = _children(data)
        yield from posts[:left]
        left -= len(posts)
        query["after"] = data.get("after")
        if not posts or not query["after"]:
            return


def named_things(site: str, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The posts and comments with these full names as they are now, asked for by the hundred.

    `site` is the section of praw.ini with the credentials.  Those that Reddit no longer has
    are left out by Reddit.
    """
    reddit = _reddit(site)
    for start in range(0, len(names), _PAGE):
        query = {"id": ",".join(names[start : start + _PAGE])}
        yield from _children(_get(reddit, "api/info", query))


def kept_things(site: str, names: Sequence[str], folder: str) -> Iterator[dict[str, Any]]:
    """The rows of `named_things`, slice by slice kept in `folder`: a killed run asks none again.

    Only the fields that matter are kept, which name no user.
    """
    for start in range(0, len(names), _SLICE):
        part = names[start : start + _SLICE]
        name = hashlib.blake2b(",".join(part).encode(), digest_size=16).hexdigest()
        path = files.join(folder, f"{name}.jsonl")
        if not files.exists(path):
            rows = named_things(site, part)
            files.write_bytes(path, b"".join(_kept(row) for row in rows))
        for line in files.read_bytes(path).splitlines():
            yield json.loads(line)


def _kept(row: dict[str, Any]) -> bytes:
    """Python's own writer, as its escapes take half a surrogate, which is judged by the reader."""
    kept = {name: row[name] for name in _KEPT if name in row}
    if "crosspost_parent_list" in kept:
        kept["crosspost_parent_list"] = bare_parents(kept["crosspost_parent_list"])
    return json.dumps(kept).encode() + b"\n"


def _reddit(site: str) -> praw.Reddit:
    try:
        import praw  # noqa: PLC0415
        import requests  # noqa: PLC0415
        from praw.exceptions import MissingRequiredAttributeException  # noqa: PLC0415
    except ImportError:
        raise WebtextError(
            "Reddit's API needs PRAW, which is not installed",
            "Run `pip install 'webtext[api]'`",
        ) from None
    session = requests.Session()
    session.hooks["response"].append(_in_seconds)
    try:
        reddit = praw.Reddit(
            None if site == "DEFAULT" else site,
            check_for_updates=False,
            requestor_kwargs={"session": session},
        )
    except (MissingRequiredAttributeException, NoSectionError) as error:
        raise SettingError(
            f"Reddit's API: no credentials: {str(error).splitlines()[0].strip()}",
            "Put client_id, client_secret and user_agent into praw.ini or set praw_client_id, "
            "praw_client_secret and praw_user_agent",
        ) from None
    reddit.read_only = True
    return reddit


def _get(reddit: praw.Reddit, path: str, query: dict[str, Any]) -> dict[str, Any]:
    """The `data` of one answer, after as many waits as it takes; WebtextError in the end."""
    from prawcore import exceptions  # noqa: PLC0415

    failure: Exception | None = None
    for attempt in range(_TRIES):
        try:
            answer = reddit.request(method="GET", path=path, params=dict(query))
        except exceptions.TooManyRequests as error:
            failure, wait = error, _wait(error.response.headers)
        except (exceptions.ServerError, exceptions.RequestException) as error:
            failure, wait = error, 2.0**attempt
        except exceptions.PrawcoreException as error:
            raise WebtextError(
                f"Reddit's API refuses {path}: {error}",
                "Check the credentials, and that the subreddit is there and public",
            ) from error
        else:
            data = answer.get("data") if isinstance(answer, dict) else None
            if isinstance(data, dict):
                return data
            raise WebtextError(f"Reddit's API gives no listing for {path}", "Check the subreddit")
        if attempt + 1 < _TRIES:
            time.sleep(min(wait, _LONGEST_WAIT))
    raise WebtextError(
        f"Reddit's API fails {_TRIES} times at {path}: {failure}",
        "Run the same command again later: it goes on where it stopped",
    )


def _in_seconds(response: Any, **_: Any) -> None:
    """Makes a date in `Retry-After` seconds, which is all that prawcore reads."""
    value = response.headers.get("retry-after")
    if value is not None:
        response.headers["retry-after"] = str(retry_after(value))


def _wait(headers: Mapping[str, str]) -> float:
    """Seconds to wait: `Retry-After`, else the rest of the rate limit's window."""
    for header in ("retry-after", "x-ratelimit-reset"):
        try:
            return max(0.0, float(headers[header]))
        except (KeyError, ValueError):
            continue
    return 60.0


def _children(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The posts of a listing."""
    children = data.get("children")
    rows = [child.get("data") for child in children or () if isinstance(child, dict)]
    return [row for row in rows if isinstance(row, dict)]
