"""Which mentions count, what karma they give a page, and why a page is left out.

WebText, OpenWebText and OpenWebText2 differ in these rules alone; `pipeline/recipes`
has each as a recipe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from pipeline.links.settings import LinksSettings
from pipeline.store.addresses import without_port
from pipeline.store.blocklist import AddressRules, bare_names

_DAY = 86_400  # seconds


class Rules:
    """The rules of a recipe, made ready once."""

    def __init__(self, settings: LinksSettings) -> None:
        self._settings = settings
        self._first = _seconds(settings.since) if settings.since else None
        self._end = _seconds(settings.until) + _DAY if settings.until else None
        self._subreddits = bare_names(settings.subreddits)
        self._blocked_subreddits = bare_names(settings.block_subreddits)
        self._addresses = AddressRules.of(settings.identity())

    def uncounted(self, mention: Mapping[str, Any]) -> str | None:
        """Why a mention does not count: `kind`, `date` or `subreddit`; None when it does."""
        if mention["kind"] not in self._settings.kinds:
            return "kind"
        if mention["kind"] != "list" or mention["created"]:
            if self._first is not None and mention["created"] < self._first:
                return "date"
            if self._end is not None and mention["created"] >= self._end:
                return "date"
        if mention["kind"] != "list":
            name = mention["subreddit"].lower()
            if self._subreddits and name not in self._subreddits:
                return "subreddit"
            if name in self._blocked_subreddits:
                return "subreddit"
        return None

    def karma(self, scores: Iterable[int | None]) -> int | None:
        """The karma of a page from the scores that count; None when someone chose it."""
        counted: list[int] = []
        for score in scores:
            if score is None:
                return None
            counted.append(score)
        if not counted:
            return None
        return sum(counted) if self._settings.karma_rule == "sum" else max(counted)

    def why_dropped(
        self, url: str, host: str, karma: int | None, uncounted: Sequence[str]
    ) -> str | None:
        """The reason to leave a page out, None to keep it: address, then mentions, then karma.

        `uncounted` are the reasons of a page none of whose mentions count, else empty.
        """
        if not url:
            return "no_address"
        reason = self._addresses.reason_to_drop(url, without_port(host))
        if reason is not None:
            return reason
        if uncounted:
            return min(uncounted)
        too_low = karma is not None and karma < self._settings.min_karma
        return "min_karma" if too_low and self._settings.karma_rule != "any" else None


def _seconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
