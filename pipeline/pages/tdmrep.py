"""`/.well-known/tdmrep.json`: rights reserved for a whole site or parts of it (TDMRep).

The format is that of the W3C community group's report of 2024-05-10: an array of
rules with a `location` in the notation of robots.txt, of which the first that matches
counts.  A file that cannot be had or read reserves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from protego import Protego

PATH = "/.well-known/tdmrep.json"
MOST_BYTES = 500 * 1024  # as for robots.txt
_MOST_RULES = 1_000  # each costs a parser; sites have a handful


@dataclass(frozen=True)
class Reservations:
    """The rules of a site, in their order: (matcher, whether rights are reserved)."""

    rules: tuple[tuple[Protego, bool], ...] = ()

    def reserved(self, url: str) -> bool:
        """True when rights to text and data mining of this address are reserved."""
        for matcher, reserved in self.rules:
            if not matcher.can_fetch(url, "*"):
                return reserved
        return False


def parse_reservations(body: bytes) -> Reservations:
    """The reservations of a file; rules that are not as they should be are left out."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Reservations()
    rules = []
    for rule in found[:_MOST_RULES] if isinstance(found, list) else []:
        location = rule.get("location") if isinstance(rule, dict) else None
        if isinstance(location, str) and location.startswith(("/", "*")):
            # A location is a path as `Disallow` has it, so the parser of robots.txt matches it.
            line = location.splitlines()[0]
            matcher = Protego.parse(f"User-agent: *\nDisallow: {line}\n")
            rules.append((matcher, str(rule.get("tdm-reservation")).strip() == "1"))
    return Reservations(tuple(rules))
