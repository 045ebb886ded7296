"""Cloudflare's `Content-Signal`: `search=yes, ai-train=no`, in robots.txt and in headers.

By contentsignals.org and the policy that Cloudflare's managed robots.txt carries: `no` for a
use restricts it, and what is not named is neither granted nor restricted.  `use` says how far a
system may go with the content: `immediate`, `reference` or `full`; a corpus needs `full`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pipeline.pages.outcomes import Outcome
from pipeline.pages.preferences.preference import Preference

_PAIR = re.compile(r"([\w-]+)\s*=\s*([\w-]+)")
_LESS_THAN_FULL = frozenset({"immediate", "reference"})


def signal_preference(value: str, where: str) -> Preference | None:
    """What a signal says of training; None where it says nothing of it."""
    signals = _PAIR.findall(value.lower())
    if ("ai-train", "no") in signals:
        return Preference(Outcome.CONTENT_SIGNAL, "ai-train=no", where)
    for name, use in signals:
        if name == "use" and use in _LESS_THAN_FULL:
            return Preference(Outcome.CONTENT_SIGNAL, f"use={use}", where)
    if ("ai-train", "yes") in signals:
        return Preference(Outcome.OK, "ai-train=yes", where)
    return None


def header_preferences(values: Iterable[str]) -> Iterator[Preference]:
    """What Content-Signal headers say."""
    joined = ", ".join(values)
    preference = signal_preference(joined, "header Content-Signal") if joined else None
    if preference is not None:
        yield preference
