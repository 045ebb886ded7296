"""robots.txt by RFC 9309, through Protego (Scrapy's parser)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from protego import Protego

#: RFC 9309, 2.5: at least 500 KiB must be parsed; what lies beyond is ignored.
MOST_BYTES = 500 * 1024
#: User agents of known crawlers for machine learning (ai.robots.txt's list, the best known).
#: A site that shuts all of these out has opted out, whatever our name is.
AI_AGENTS = ("GPTBot", "CCBot", "Google-Extended", "ClaudeBot", "anthropic-ai", "Bytespider")


@dataclass(frozen=True)
class Rules:
    """What a host's robots.txt says to us."""

    said: str  # allow | disallow | parsed, with the reason, for the record
    parsed: Protego | None = None
    allow_all: bool = False

    def may_fetch(self, url: str, agent: str) -> bool:
        """Whether the crawler named `agent` may fetch an address."""
        if self.parsed is None:
            return self.allow_all
        return bool(self.parsed.can_fetch(url, agent))

    def delay(self, agent: str) -> float:
        """The Crawl-delay asked for, in seconds; 0 without one."""
        found = self.parsed.crawl_delay(agent) if self.parsed else None
        return float(found or 0.0)

    def refuses_ai(self, root: str) -> bool:
        """True when a known crawler for machine learning is shut out and others are not."""
        if self.parsed is None or not self.parsed.can_fetch(root, "Mozilla"):
            return False
        return any(not self.parsed.can_fetch(root, agent) for agent in AI_AGENTS)


def rules_from(status: int, body: bytes) -> Rules:
    """The rules of an answer: 2xx is parsed, 4xx allows all, anything else disallows all."""
    if 200 <= status < 300:
        text = body[:MOST_BYTES].decode("utf-8", "replace").replace("\0", "")
        return Rules("parsed", Protego.parse(text))
    if 400 <= status < 500 and status != 429:
        return Rules(f"allow: status {status}", allow_all=True)
    return Rules(f"disallow: status {status}")


async def fetch_rules(fetch: Callable[[], Awaitable[tuple[int, bytes]]]) -> Rules:
    """The rules of a host; what cannot be had disallows all (RFC 9309, 2.3.1.4)."""
    try:
        status, body = await fetch()
    except OSError as error:
        return Rules(f"disallow: {type(error).__name__}")
    return rules_from(status, body)
