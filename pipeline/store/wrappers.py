"""Redirects that carry their target in the address: the target is the page."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qsl, urljoin

#: Host and path of a redirect -> the parameters that may hold its target, best first.
_WRAPPERS: dict[str, tuple[str, ...]] = {
    "out.reddit.com": ("url",),
    "l.facebook.com/l.php": ("u",),
    "lm.facebook.com/l.php": ("u",),
    "www.facebook.com/l.php": ("u",),
    "l.instagram.com/": ("u",),
    "t.umblr.com/redirect": ("z",),
    "vk.com/away.php": ("to",),
    "steamcommunity.com/linkfilter/": ("url", "u"),
    "slack-redir.net/link": ("url",),
    "exit.sc/": ("url",),
    "disq.us/url": ("url",),
    "duckduckgo.com/l/": ("uddg",),
    "news.google.com/news/url": ("url",),
    "plus.url.google.com/url": ("q", "url"),
    "www.youtube.com/redirect": ("q",),
    "www.youtube.com/attribution_link": ("u",),
}
#: Hosts whose every address is a redirect, whatever its path.
_ANY_PATH = frozenset({"out.reddit.com"})
#: Hosts that take the target as their whole query: `anonym.to/?http://example.com/`.
_WHOLE_QUERY = frozenset({"anonym.to", "href.li", "nullrefer.com"})
_HOSTS = _WHOLE_QUERY.union(wrapper.partition("/")[0] for wrapper in _WRAPPERS)
#: Google's own redirect, on the host of each country: `www.google.co.uk/url`.
_GOOGLE = re.compile(r"(?:www\.)?google\.(?:com?\.)?[a-z]{2,3}")
_GOOGLE_TARGET = ("q", "url")
_AMP_HOST = ".cdn.ampproject.org"
#: Google's AMP viewer and cache: `/amp/s/HOST/PATH`, with `s` for https.
_AMP_CACHE = re.compile(
    r"https?://(?:(?:www\.)?google\.com/amp|[a-z0-9-]+\.cdn\.ampproject\.org/[cv])/(s/)?"
    r"([^/?#]+\.[^/?#]+.*)",
    re.I,
)
_ADDRESS = re.compile(r"https?:[/\\]*[^/\\]", re.I)


@lru_cache(1 << 16)
def is_wrapper(host: str) -> bool:
    """Whether a host has redirects that carry their target."""
    return host in _HOSTS or host.endswith(_AMP_HOST) or _GOOGLE.fullmatch(host) is not None


def target_of(url: str, host: str, path: str, query: str) -> str | None:
    """Where a redirect leads to; None where the address is none.

    `host`, `path` and `query` are those of `url`.
    """
    amp = _AMP_CACHE.match(url)
    if amp:
        return f"http{'s' if amp[1] else ''}://{amp[2]}"
    if host in _WHOLE_QUERY:
        return query if _ADDRESS.match(query) else None
    if path == "/url" and _GOOGLE.fullmatch(host):
        names: tuple[str, ...] = _GOOGLE_TARGET
    else:
        names = _WRAPPERS.get(host if host in _ANY_PATH else host + path, ())
    values = dict(parse_qsl(query)) if names else {}
    for name in names:
        value = values.get(name, "")
        if value.startswith("/watch"):  # YouTube's own are relative
            value = urljoin(url, value)
        if _ADDRESS.match(value):
            return value
    return None
