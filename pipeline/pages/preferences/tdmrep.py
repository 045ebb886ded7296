"""TDMRep: rights to text and data mining that are reserved, by file, header or page.

By the W3C community group's report of 2024-05-10.  `/.well-known/tdmrep.json` is an array of
rules with a `location` in the notation of robots.txt, of which the first that matches counts; a
file that cannot be had or read reserves nothing.  A page's own statement stands above that of
its header; of several in one place that which reserves holds.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import orjson

from pipeline.pages.outcomes import Outcome
from pipeline.pages.preferences.paths import path_matcher
from pipeline.pages.preferences.preference import Preference

PATH = "/.well-known/tdmrep.json"
MOST_BYTES = 500 * 1024  # as for robots.txt
_MOST_RULES = 1_000  # each costs a parser; sites have a handful
_NAME = "tdm-reservation"
_RESERVED = (1, "1")  # `true` equals 1


@dataclass(frozen=True)
class Reservations:
    """The rules of a site, in their order: (matcher, whether rights are reserved)."""

    rules: tuple[tuple[Callable[[str], bool], bool], ...] = ()

    def preference(self, url: str) -> Preference | None:
        """What the file says of an address; None where it says nothing."""
        for matches, reserved in self.rules:
            if matches(url):
                return _preference(reserved, "tdmrep.json")
        return None


def parse_reservations(body: bytes) -> Reservations:
    """The reservations of a file; rules that are not as they should be are left out."""
    try:
        entries = orjson.loads(body.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError:
        return Reservations()
    rules = []
    for rule in entries[:_MOST_RULES] if isinstance(entries, list) else [entries]:
        location = rule.get("location") if isinstance(rule, dict) else None
        if isinstance(location, str) and location.startswith(("/", "*")):
            rules.append((path_matcher(location), rule.get(_NAME) in _RESERVED))
    return Reservations(tuple(rules))


def page_preferences(
    header: Iterable[str], metas: Iterable[tuple[str, str]]
) -> Iterator[Preference]:
    """What a page says: by its meta elements, (name in lower case, content), else its headers."""
    in_metas = (content for name, content in metas if name == _NAME)
    for where, values in (("meta", in_metas), ("header", header)):
        stated = {one.strip() for value in values for one in value.split(",")} & {"0", "1"}
        if stated:
            yield _preference("1" in stated, f"{where} {_NAME}")
            return


def _preference(reserved: bool, where: str) -> Preference:
    outcome = Outcome.TDM if reserved else Outcome.OK
    return Preference(outcome, f"{_NAME}={int(reserved)}", where)
