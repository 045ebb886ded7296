"""robots.txt by RFC 9309, through Protego (Scrapy's parser)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from protego import Protego

#: RFC 9309, 2.5: at least 500 KiB must be parsed; what lies beyond is ignored.
MOST_BYTES = 500 * 1024
#: RFC 9309, 2.4: a robots.txt should not be believed for longer than a day.
SECONDS = 86_400.0
#: User agents of known crawlers for machine learning (the best known of ai.robots.txt's list).
#: A site that shuts one of these out, but not everyone, has opted out, whatever our name is.
AI_AGENTS = (
    "AI2Bot", "Amazonbot", "anthropic-ai", "Applebot-Extended", "Bytespider", "CCBot",
    "ClaudeBot", "Claude-Web", "cohere-ai", "cohere-training-data-crawler", "Diffbot",
    "FacebookBot", "Google-CloudVertexBot", "Google-Extended", "GPTBot", "img2dataset",
    "Meta-ExternalAgent", "omgili", "omgilibot", "PanguBot", "Timpibot",
)  # fmt: skip


@dataclass(frozen=True)
class Rules:
    """What a site's robots.txt says to us."""

    said: str  # parsed | allow: … | disallow: …, for the record
    parsed: Protego | None = None
    allow_all: bool = False
    #: The known AI crawlers that the file names: the others fare as everyone does.
    ai_agents: tuple[str, ...] = ()

    def may_fetch(self, url: str, agent: str) -> bool:
        """Whether the crawler named `agent` may fetch an address."""
        if self.parsed is None:
            return self.allow_all
        return bool(self.parsed.can_fetch(url, agent))

    def delay(self, agent: str) -> float:
        """Seconds between two requests by Crawl-delay and Request-rate; 0 without them."""
        if self.parsed is None:
            return 0.0
        asked = [self.parsed.crawl_delay(agent) or 0.0]
        rate = self.parsed.request_rate(agent)
        if rate is not None and rate.requests:
            asked.append(rate.seconds / rate.requests)
        return max(0.0, *(float(seconds) for seconds in asked if not math.isnan(seconds)))

    def refuses_ai(self, url: str) -> bool:
        """True when a known crawler for machine learning is shut out and others are not."""
        if self.parsed is None or not self.ai_agents or not self.parsed.can_fetch(url, "Mozilla"):
            return False
        return any(not self.parsed.can_fetch(url, agent) for agent in self.ai_agents)


def parse_rules(body: bytes) -> Rules:
    """The rules of a robots.txt; whatever its bytes, it parses."""
    if len(body) > MOST_BYTES:  # half a line would be another rule: `Disallow: /` of `/private/`
        body = body[: body.rfind(b"\n", 0, MOST_BYTES) + 1]
    text = body.decode("utf-8", "replace").replace("\0", "").removeprefix("\ufeff")
    lower = text.lower()
    named = tuple(agent for agent in AI_AGENTS if agent.lower() in lower)
    return Rules("parsed", Protego.parse(text), ai_agents=named)


def rules_from(status: int, body: bytes) -> Rules:
    """The rules of an answer: 2xx is parsed, 4xx allows all, anything else disallows all."""
    if 200 <= status < 300:
        return parse_rules(body)
    if 400 <= status < 500 and status != 429:
        return Rules(f"allow: status {status}", allow_all=True)
    return Rules(f"disallow: status {status}")
