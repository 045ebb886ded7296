"""One preference: what was said, where it was said, and what it means for a page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.pages.outcomes import Outcome


class Preference(NamedTuple):
    """What a host or page prefers.  With the outcome `OK` it allows the use of the page."""

    outcome: Outcome
    statement: str  # such as `train-ai=n`
    where: str  # such as `header Content-Usage` or `robots.txt`

    @property
    def refuses(self) -> bool:
        """True where the page must be left out."""
        return self.outcome != Outcome.OK


#: Of several refusals the one that says most of what we do stands in the table.
_RANK = {
    outcome: rank
    for rank, outcome in enumerate(
        (
            Outcome.TDM,
            Outcome.CONTENT_USAGE,
            Outcome.CONTENT_SIGNAL,
            Outcome.NOAI,
            Outcome.NOML,
            Outcome.RSL,
            Outcome.AI_AGENTS,
            Outcome.NOINDEX,
            Outcome.NOARCHIVE,
            Outcome.OK,
        )
    )
}


def strongest(preferences: Iterable[Preference]) -> Preference | None:
    """The preference that decides: any refusal before any permission; None without one.

    The most restrictive of several statements holds (draft-ietf-aipref-vocab, "Combining
    Preferences").
    """
    return min(preferences, key=lambda one: _RANK[one.outcome], default=None)
