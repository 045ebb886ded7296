"""X-Robots-Tag headers and robots meta elements: `noai`, `noml`, `noindex`, `noarchive`.

`noai` and `noml` are the directives of DeviantArt and of Spawning, which img2dataset honours.
A page that asks not to be indexed or archived is left alone as well.  What is said to a named
crawler holds for us where the name is ours; where it is that of a known crawler for machine
learning, it is a refusal to all of them (`ai_agents.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pipeline.pages.outcomes import Outcome
from pipeline.pages.preferences.ai_agents import AI_AGENTS, product
from pipeline.pages.preferences.preference import Preference

#: What a directive means for us.
DIRECTIVES = {
    "noai": Outcome.NOAI,
    "noml": Outcome.NOML,
    "noindex": Outcome.NOINDEX,
    "none": Outcome.NOINDEX,  # `noindex, nofollow`
    "noarchive": Outcome.NOARCHIVE,
}
#: Directives that carry a value, so that what stands before the colon is no crawler's name.
_VALUED = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
_AGENT = re.compile(r"[\w.*/ -]+")
#: The time of a date behind `unavailable_after`, whose colons follow no crawler's name.
_TIME = re.compile(r"\b\d\d?:\d\d(?::\d\d)?\b")
_TO_ALL = frozenset({"*", "robots"})


def header_preferences(
    values: Iterable[str], agent: str, *, ai_agents: bool
) -> Iterator[Preference]:
    """The refusals in X-Robots-Tag headers that hold for `agent`; each header by itself.

    A crawler's name holds for all that follows it in its header, up to the next name:
    `otherbot: noindex, noarchive` says nothing to us.
    """
    for value in values:
        to = "*"
        for part in _TIME.sub("", value.lower()).split(","):
            name, colon, rest = (piece.strip() for piece in part.partition(":"))
            if colon and name not in _VALUED and _AGENT.fullmatch(name):
                to, name = product(name), rest.partition(":")[0]
            yield from _refusals(name, to, agent, "header X-Robots-Tag", ai_agents=ai_agents)


def meta_preferences(
    metas: Iterable[tuple[str, str]], agent: str, *, ai_agents: bool
) -> Iterator[Preference]:
    """The refusals in meta elements, given as (name in lower case, content)."""
    for name, content in metas:
        yield from _refusals(
            content.lower(), product(name), agent, f"meta {name}", ai_agents=ai_agents
        )


def _refusals(
    directives: str, to: str, agent: str, where: str, *, ai_agents: bool
) -> Iterator[Preference]:
    ours = to in _TO_ALL or to == agent.lower()
    if not ours and not (ai_agents and to in AI_AGENTS):
        return
    for directive in re.split(r"[\s,;\"']+", directives):
        outcome = DIRECTIVES.get(directive)
        if outcome is not None:
            statement = directive if ours else f"{to}: {directive}"
            yield Preference(outcome if ours else Outcome.AI_AGENTS, statement, where)
