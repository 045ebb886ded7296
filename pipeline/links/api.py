"""Posts from Reddit's API through PRAW: listings of subreddits, and known posts by name.

Read-only, with the user's own credentials from PRAW's usual places (praw.ini or
environment).  PRAW keeps to Reddit's rate by the headers of each answer; a 429 or a
failing server is waited for here, as long as `Retry-After` says.  What Reddit's terms
allow is in `docs/links.md`: read it first.

PRAW is an extra (`pip install webtext[api]`) and is imported late.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from configparser import NoSectionError
from typing import TYPE_CHECKING, Any

from pipeline.errors import SettingError, WebtextError
from pipeline.links.settings import RedditApi

if TYPE_CHECKING:
    import praw

_PAGE = 100  # posts an answer; Reddit's most, for listings and for names alike
_TRIES = 6  # requests for one page before it is given up
_LONGEST_WAIT = 600.0  # seconds; the window of Reddit's rate limit


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


def named_posts(site: str, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The posts with these full names as they are now, asked for by the hundred.

    `site` is the section of praw.ini with the credentials.  Posts that Reddit no longer
    has are left out by Reddit.
    """
    reddit = _reddit(site)
    for start in range(0, len(names), _PAGE):
        query = {"id": ",".join(names[start : start + _PAGE])}
        yield from _children(_get(reddit, "api/info", query))


def _reddit(site: str) -> praw.Reddit:
    try:
        import praw  # noqa: PLC0415
        from praw.exceptions import MissingRequiredAttributeException  # noqa: PLC0415
    except ImportError:
        raise WebtextError(
            "Reddit's API needs PRAW, which is not installed",
            "Run `pip install 'webtext[api]'`",
        ) from None
    try:
        reddit = praw.Reddit(None if site == "DEFAULT" else site, check_for_updates=False)
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

    said: Exception | None = None
    for attempt in range(_TRIES):
        try:
            answer = reddit.request(method="GET", path=path, params=dict(query))
        except exceptions.TooManyRequests as error:
            said, wait = error, _retry_after(error.response)
        except (exceptions.ServerError, exceptions.RequestException) as error:
            said, wait = error, 2.0**attempt
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
        f"Reddit's API fails {_TRIES} times at {path}: {said}",
        "Run the same command again later: it goes on where it stopped",
    )


def _retry_after(response: Any) -> float:
    """Seconds to wait: `Retry-After`, else the rest of the rate limit's window."""
    for header in ("retry-after", "x-ratelimit-reset"):
        try:
            return max(0.0, float(response.headers[header]))
        except (KeyError, ValueError):
            continue
    return 60.0


def _children(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The posts of a listing."""
    children = data.get("children")
    rows = [child.get("data") for child in children or () if isinstance(child, dict)]
    return [row for row in rows if isinstance(row, dict)]
