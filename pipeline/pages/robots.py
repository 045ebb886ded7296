"""robots.txt by RFC 9309: what may be fetched, how fast, and what it says of use."""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from protego import Protego

from pipeline.pages.outcomes import Outcome
from pipeline.pages.preferences.ai_agents import AI_AGENTS, product
from pipeline.pages.preferences.content_signal import signal_preference
from pipeline.pages.preferences.content_usage import usage_preference
from pipeline.pages.preferences.paths import path_matcher
from pipeline.pages.preferences.preference import Preference
from pipeline.pages.preferences.robots_groups import EVERYONE, RobotsGroups, parse_groups
from pipeline.store.media_type import kind_of

#: RFC 9309, 2.5: at least 500 KiB must be parsed; what lies beyond is ignored.
MOST_BYTES = 500 * 1024
#: RFC 9309, 2.4: a robots.txt should not be believed for longer than a day.
SECONDS = 86_400.0
_MOST_STATEMENTS = 1_000  # of usage; each with a path costs a parser
_WHERE = "robots.txt"

Statement = Callable[[str, str], Preference | None]
_STATEMENTS: dict[str, Statement] = {
    "content-usage": usage_preference,
    "content-signal": signal_preference,
}


@dataclass(frozen=True)
class RobotsRules:
    """What a site's robots.txt says to one crawler."""

    summary: str  # parsed | allow: … | disallow: …, for the record
    allow_all: bool = False
    #: The rules of our own group, or of everyone's; None without a file.
    own: Protego | None = None
    #: Whether the file has a group for our name.
    named: bool = False
    everyone: Protego | None = None
    #: The known crawlers for machine learning that have groups of their own.
    ai_agents: tuple[tuple[str, Protego], ...] = ()
    #: (length of the path, whether it matches, what is said of use)
    statements: tuple[tuple[int, Callable[[str], bool], Preference], ...] = ()
    #: Addresses of RSL licences.
    licenses: tuple[str, ...] = ()

    def may_fetch(self, url: str) -> bool:
        """Whether we may fetch an address."""
        return self.allow_all if self.own is None else bool(self.own.can_fetch(url, EVERYONE))

    @property
    def delay(self) -> float:
        """Seconds between two requests by Crawl-delay and Request-rate; 0 without them."""
        if self.own is None:
            return 0.0
        delays = [self.own.crawl_delay(EVERYONE) or 0.0]
        rate = self.own.request_rate(EVERYONE)
        if rate is not None and rate.requests:
            delays.append(rate.seconds / rate.requests)
        return max(0.0, *(float(seconds) for seconds in delays if not math.isnan(seconds)))

    def ai_refusal(self, url: str) -> Preference | None:
        """The refusal to a known crawler for machine learning where others may fetch.

        What is said to us by name goes before what is said to others.
        """
        if self.named or self.everyone is None or not self.everyone.can_fetch(url, EVERYONE):
            return None
        shut = (name for name, rules in self.ai_agents if not rules.can_fetch(url, EVERYONE))
        name = next(shut, None)
        return Preference(Outcome.AI_AGENTS, f"{name}: disallow", _WHERE) if name else None

    def preferences(self, url: str) -> Iterator[Preference]:
        """What is said of the use of an address: for each kind what its longest path says."""
        matching = [
            (length, preference) for length, matches, preference in self.statements if matches(url)
        ]
        longest: dict[str, int] = {}
        for length, preference in matching:
            longest[preference.where] = max(length, longest.get(preference.where, 0))
        yield from (
            preference for length, preference in matching if length == longest[preference.where]
        )


def parse_rules(body: bytes, agent: str) -> RobotsRules:
    """The rules of a robots.txt for the crawler named `agent`; whatever its bytes, it parses."""
    groups = parse_groups(_text(body))
    own = groups.lines_for(product(agent))
    everyone = groups.lines_for(EVERYONE) or []
    return RobotsRules(
        "parsed",
        own=_rules(everyone if own is None else own),
        named=own is not None,
        everyone=_rules(everyone),
        ai_agents=tuple(_ai_agents(groups)),
        statements=tuple(_statements([*groups.before, *(everyone if own is None else own)])),
        licenses=tuple(groups.licenses),
    )


def _text(body: bytes) -> str:
    if len(body) > MOST_BYTES:  # half a line would be another rule: `Disallow: /` of `/private/`
        body = body[: body.rfind(b"\n", 0, MOST_BYTES) + 1]
    for mark, name in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if body.startswith(mark):
            return body.removeprefix(mark).decode(name, "replace")
    return body.decode("utf-8", "replace").replace("\0", "").removeprefix("\ufeff")


def _rules(lines: Iterable[str]) -> Protego:
    """Rules that hold for everyone, whoever they were written for."""
    return Protego.parse("\n".join([f"User-agent: {EVERYONE}", *lines]))


def _ai_agents(groups: RobotsGroups) -> Iterator[tuple[str, Protego]]:
    """The known crawlers with a group; those that share their lines share their rules."""
    parsed: dict[tuple[str, ...], Protego] = {}
    for name in sorted(AI_AGENTS & groups.named()):
        lines = tuple(groups.lines_for(name) or ())
        if lines not in parsed:
            parsed[lines] = _rules(lines)
        yield name, parsed[lines]


def _statements(lines: list[str]) -> Iterator[tuple[int, Callable[[str], bool], Preference]]:
    """What the lines say of use, each with the path for which it holds, or for all."""
    named = (line.partition(":") for line in lines)
    told = [(name.strip().lower(), value.strip()) for name, _, value in named]
    for name, value in [pair for pair in told if pair[0] in _STATEMENTS][:_MOST_STATEMENTS]:
        path, rest = re.split(r"[ \t]+|$", value, maxsplit=1) if value[:1] == "/" else ("", value)
        preference = _STATEMENTS[name](rest, f"{_WHERE} {name.title()}")
        if preference is not None:
            yield len(path), path_matcher(path), preference


def rules_from(status: int, body: bytes, agent: str) -> RobotsRules:
    """The rules of an answer: 2xx is parsed, 4xx allows all, anything else disallows all.

    A page in place of the file is none: servers send one for whatever they do not know.
    """
    if 200 <= status < 300:
        if kind_of("", body) == "html" and body.lstrip()[:1] == b"<":
            return RobotsRules("allow: a page", allow_all=True)
        return parse_rules(body, agent)
    if 400 <= status < 500 and status != 429:
        return RobotsRules(f"allow: status {status}", allow_all=True)
    return RobotsRules(f"disallow: status {status}")
