"""Crawlers that gather texts for machine learning, as robots.txt names them.

A site that shuts one of these out, but not everyone, has opted out, whatever our name is.  Not
here: agents that fetch a page for the user who asks for it, and crawlers of search engines.

`listed` is the day on which github.com/ai-robots-txt/ai.robots.txt, the list from which most
sites copy theirs, first had the name (read at its commit 738c80d of 2026-08-22); `source` is
where its operator says what it is for, or that list where the operator says nothing.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class AiAgent(NamedTuple):
    """A crawler for machine learning."""

    name: str
    operator: str
    listed: str  # ISO day
    source: str


_LIST = "github.com/ai-robots-txt/ai.robots.txt"
_GOOGLE = "developers.google.com/search/docs/crawling-indexing/overview-google-crawlers"
_YANDEX = "yandex.ru/support/webmaster/en/search-appearance/fast.html"

AGENTS = (
    AiAgent("AI2Bot", "Allen Institute for AI", "2024-08-28", "allenai.org/crawler"),
    AiAgent("Ai2Bot-Dolma", "Allen Institute for AI", "2024-08-28", "allenai.org/crawler"),
    AiAgent("aiHitBot", "aiHit", "2024-08-06", "www.aihitdata.com/about"),
    AiAgent("Amazonbot", "Amazon", "2024-03-27", _LIST),
    AiAgent("anthropic-ai", "Anthropic", "2024-03-27", _LIST),
    AiAgent("Applebot-Extended", "Apple", "2024-06-12", "support.apple.com/en-us/119829#datausage"),
    AiAgent("Brightbot", "Bright Data", "2025-02-16", "knownagents.com/agents/brightbot"),
    AiAgent("Bytespider", "ByteDance", "2024-03-27", _LIST),
    AiAgent("CCBot", "Common Crawl Foundation", "2024-03-27", "commoncrawl.org/ccbot"),
    AiAgent("ChatGLM-Spider", "Zhipu AI", "2025-12-02", "knownagents.com/agents/chatglm-spider"),
    AiAgent("Claude-Web", "Anthropic", "2024-03-27", "knownagents.com/agents/claude-web"),
    AiAgent("ClaudeBot", "Anthropic", "2024-03-27", "support.anthropic.com/en/articles/8896518"),
    AiAgent("CloudVertexBot", "Google", "2025-05-15", "knownagents.com/agents/cloudvertexbot"),
    AiAgent("cohere-ai", "Cohere", "2024-03-27", _LIST),
    AiAgent(
        "cohere-training-data-crawler",
        "Cohere",
        "2024-12-04",
        "knownagents.com/agents/cohere-training-data-crawler",
    ),
    AiAgent("Cotoyogi", "ROIS", "2025-04-21", "ds.rois.ac.jp/en_center8/en_crawler"),
    AiAgent("Crawlspace", "Crawlspace", "2025-01-19", "crawlspace.dev"),
    AiAgent("DeepSeekBot", "DeepSeek", "2025-09-24", _LIST),
    AiAgent("Diffbot", "Diffbot", "2024-05-05", "knownagents.com/agents/diffbot"),
    AiAgent("FacebookBot", "Meta", "2024-03-27", "developers.facebook.com/docs/sharing/bot"),
    AiAgent("Factset_spyderbot", "FactSet", "2025-04-21", "www.factset.com/ai"),
    AiAgent(
        "FriendlyCrawler",
        "unknown",
        "2024-04-08",
        "imho.alex-kunz.com/2024/01/25/an-update-on-friendly-crawler",
    ),
    AiAgent("Google-CloudVertexBot", "Google", "2025-05-15", _GOOGLE),
    AiAgent("Google-Extended", "Google", "2024-03-27", _GOOGLE),
    AiAgent("GPTBot", "OpenAI", "2024-03-27", _LIST),
    AiAgent("ICC-Crawler", "NICT", "2024-08-04", _LIST),
    AiAgent("img2dataset", "LAION and others", "2024-04-22", "github.com/rom1504/img2dataset"),
    AiAgent("ISSCyberRiskCrawler", "ISS-Corporate", "2024-09-30", "iss-cyber.com"),
    AiAgent("Kangaroo Bot", "Kangaroo LLM", "2024-09-27", "knownagents.com/agents/kangaroo-bot"),
    AiAgent(
        "laion-huggingface-processor",
        "LAION",
        "2025-12-02",
        "knownagents.com/agents/laion-huggingface-processor",
    ),
    AiAgent("LAIONDownloader", "LAION", "2025-11-28", "laion.ai/faq"),
    AiAgent("LCC", "Leipzig Corpora Collection", "2025-12-02", "knownagents.com/agents/lcc"),
    AiAgent("Linguee Bot", "Linguee", "2024-08-06", _LIST),
    AiAgent(
        "Meta-ExternalAgent",
        "Meta",
        "2024-07-29",
        "developers.facebook.com/docs/sharing/webmasters/web-crawlers",
    ),
    AiAgent("omgili", "Webz.io", "2024-03-27", "webz.io/blog/web-data"),
    AiAgent(
        "omgilibot",
        "Webz.io",
        "2024-03-27",
        "web.archive.org/web/20170704003301/http://omgili.com/Crawler.html",
    ),
    AiAgent("PanguBot", "Huawei", "2024-11-24", "knownagents.com/agents/pangubot"),
    AiAgent(
        "Poseidon Research Crawler", "Poseidon Research", "2025-06-13", "www.poseidonresearch.com"
    ),
    AiAgent("SBIntuitionsBot", "SB Intuitions", "2025-06-04", "www.sbintuitions.co.jp/en/bot"),
    AiAgent("Sidetrade indexer bot", "Sidetrade", "2024-09-28", _LIST),
    AiAgent("TikTokSpider", "ByteDance", "2025-04-21", _LIST),
    AiAgent("Timpibot", "Timpi", "2024-07-29", "timpi.io"),
    AiAgent("VelenPublicWebCrawler", "Velen", "2024-07-29", "velen.io"),
    AiAgent("Webzio-Extended", "Webz.io", "2024-08-22", "knownagents.com/agents/webzio-extended"),
    AiAgent("YandexAdditional", "Yandex", "2025-06-03", _YANDEX),
    AiAgent("YandexAdditionalBot", "Yandex", "2025-06-03", _YANDEX),
)


def product(name: str) -> str:
    """The product of a user agent in lower case, without its version: `Name/1.0` is `name`."""
    return re.sub(r"\s+v?\d[\d.]*$", "", name.partition("/")[0].strip().lower())


#: The names as `product` gives them.
AI_AGENTS = frozenset(product(agent.name) for agent in AGENTS)
