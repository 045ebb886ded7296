"""The groups of a robots.txt (RFC 9309, 2.2), and the lines that other standards put into it.

Which group is whose is decided here, by whole product tokens: Protego takes a group for `web` as
one for `webtext`.  What the rules of a group allow is left to Protego.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.pages.preferences.ai_agents import product

#: Spellings of the first line of a group that Google's parser forgives.
_USER_AGENT = re.compile(r"user[- ]?agent\s*[:\s]\s*(.*)", re.I)
_LICENSE = re.compile(r"license\s*:\s*(\S+)", re.I)
_SITEMAP = re.compile(r"(?:site-?maps?|host)\s*:", re.I)
EVERYONE = "*"


@dataclass
class RobotsGroup:
    """Lines that hold for the crawlers of these products; `*` is all that have no group."""

    products: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


@dataclass
class RobotsGroups:
    """A robots.txt."""

    groups: list[RobotsGroup]
    #: Lines before the first group: what they state of usage holds for everyone.
    before: list[str]
    #: Addresses of RSL licences, which hold for all crawlers.
    licenses: list[str]

    def named(self) -> set[str]:
        """The products that have a group of their own."""
        return {name for group in self.groups for name in group.products} - {EVERYONE}

    def lines_for(self, name: str) -> list[str] | None:
        """The lines of all groups of a product (or `*`); None where it has none."""
        own = [group for group in self.groups if name in group.products]
        return [line for group in own for line in group.lines] if own else None


def parse_groups(text: str) -> RobotsGroups:
    """The groups of a file; comments are gone, and what is no line of a group."""
    found = RobotsGroups([], [], [])
    for raw in text.splitlines():
        line = raw.partition("#")[0].strip()
        agent = _USER_AGENT.fullmatch(line)
        licensed = _LICENSE.match(line)
        if agent:
            if not found.groups or found.groups[-1].lines:
                found.groups.append(RobotsGroup())
            found.groups[-1].products += _products(agent[1])
        elif licensed:
            found.licenses.append(licensed[1])
        elif line and not _SITEMAP.match(line):
            (found.groups[-1].lines if found.groups else found.before).append(line)
    return found


def _products(value: str) -> Iterable[str]:
    """The products that a line names: one by the standard, several by commas in the wild."""
    for name in value.split(","):
        named = name.strip()
        yield EVERYONE if named == EVERYONE else product(named.replace("*", ""))
