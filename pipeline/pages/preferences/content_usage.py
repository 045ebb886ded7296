"""`Content-Usage` of the IETF's AI Preferences, in headers and in robots.txt.

By draft-ietf-aipref-attach and draft-ietf-aipref-vocab (August 2026): a dictionary of structured
fields (RFC 9651) whose keys are categories of use and whose values are the tokens `y` and `n`.
What does not parse says nothing.  Sites wrote down earlier drafts too, so their labels are read:
where the category of training is not named, the one that held it in the same draft decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from http_sf import Token, parse

from pipeline.pages.outcomes import Outcome
from pipeline.pages.preferences.preference import Preference

#: Categories that hold the training of a language model, the narrowest first, by draft.
_LINES = (
    ("train-genai", "train-ai", "bots"),  # vocab-03 (September 2025), with what came after
    ("train-genai", "train-ai", "all"),  # vocab-02 (August 2025)
    ("genai", "ai", "tdm"),  # vocab-00 and -01 (to July 2025)
)


def usage_preference(value: str, where: str) -> Preference | None:
    """What a statement of preference says of training; None where it says nothing of it."""
    told = _statement(value)
    for line in _LINES:
        label = next((label for label in line if label in told), None)
        if label is not None and not told[label]:
            return Preference(Outcome.CONTENT_USAGE, f"{label}=n", where)
    allowed = next((label for line in _LINES for label in line if told.get(label)), None)
    return Preference(Outcome.OK, f"{allowed}=y", where) if allowed else None


def header_preferences(values: Iterable[str]) -> Iterator[Preference]:
    """What Content-Usage headers say; several are one (RFC 9651, 4.2)."""
    joined = ", ".join(values)
    preference = usage_preference(joined, "header Content-Usage") if joined else None
    if preference is not None:
        yield preference


def _statement(value: str) -> dict[str, bool]:
    """{category: whether it is allowed}; empty for what is no statement."""
    try:
        parsed = parse(value.strip().encode("ascii"), tltype="dictionary")
    except ValueError:
        return {}
    told = {"y": True, "n": False}
    values = {}
    for key, member in parsed.items() if isinstance(parsed, dict) else ():
        token = member[0] if isinstance(member, tuple) else member
        if isinstance(token, Token) and str(token) in told:
            values[key] = told[str(token)]
    return values
