"""Addresses: the repaired one that is fetched, and the canonical key that names a page.

`repair` changes as little as a browser would.  `canonical_key` throws away all that
usually does not change the page: scheme, `www.`, `m.` and `amp.`, default port,
trackers, order of the query, fragment, index pages and the last slash.  Two
addresses of one page that keep different keys cost a second fetch and are caught
by deduplication; two pages under one key would lose one, so in doubt it keeps.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

#: Query parameters that say where a visitor came from (courlan's and Firefox's lists
#: of trackers, by name and by prefix).
TRACKERS = frozenset(
    "fbclid gclid gclsrc dclid msclkid yclid twclid igshid igsh mc_cid mc_eid mkt_tok oly_anon_id "
    "oly_enc_id vero_id wickedid _hsenc _hsmi hsctatracking spm scm cmpid ncid sr_share ref_src "
    "ref_url feature soc_src soc_trk guccounter guce_referrer guce_referrer_sig _ga _gl "
    "s_cid rss partner ref".split()
)
_TRACKER_PREFIXES = ("utm_", "pk_", "piwik_", "mtm_", "at_", "hsa_", "ga_")
#: Names of parameters that carry a visitor's session.
_SESSIONS = frozenset("phpsessid jsessionid sessionid session_id sid aspsessionid".split())

_HOST_PREFIXES = ("www.", "m.", "mobile.", "amp.")
_INDEX = re.compile(r"/(?:index|default)\.(?:html?|php|aspx?|jsp|shtml)$", re.I)
_SESSION_IN_PATH = re.compile(r";jsessionid=[^/?#]*", re.I)
_AMP_SUFFIX = re.compile(r"(?:/amp|\.amp(?=\.html?$))/?", re.I)
_HOST = re.compile(r"^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$")
_SCHEME = re.compile(r"^(https?):/*", re.I)

#: Redirects that carry their target in the query: host (and path) -> parameter.
_WRAPPERS = {
    "out.reddit.com/": "url",
    "l.facebook.com/l.php": "u",
    "lm.facebook.com/l.php": "u",
    "www.google.com/url": "q",
    "google.com/url": "q",
    "steamcommunity.com/linkfilter/": "url",
    "www.youtube.com/redirect": "q",
}
_LONGEST = 2_000  # characters; longer addresses do not work in browsers and servers alike


def repair(text: str) -> str | None:
    """The address to fetch, from what was posted; None when it is no web address.

    `text` must be free of HTML escapes.  Redirects that carry their target are
    unwrapped, spaces and other characters are percent-encoded, the fragment goes.
    """
    address = _split(unwrap(text.strip()))
    if address is None:
        return None
    scheme, host, port, path, query = address
    place = f"{host}:{port}" if port and port != _default_port(scheme) else host
    asked = f"?{_encode(query)}" if query else ""
    url = f"{scheme}://{place}{_encode(path) or '/'}{asked}"
    return url if len(url) <= _LONGEST else None


def canonical_key(url: str) -> str:
    """The canonical form of a web address; the address itself, stripped, when it is none."""
    address = _split(url.strip())
    if address is None:
        return url.strip()
    scheme, host, port, path, query = address
    for prefix in _HOST_PREFIXES:
        if host.startswith(prefix) and "." in host[len(prefix) :]:
            host = host[len(prefix) :]
    place = f"{host}:{port}" if port and port != _default_port(scheme) else host
    path = _resolve_dots(_encode(_SESSION_IN_PATH.sub("", path)))
    path = _INDEX.sub("/", _AMP_SUFFIX.sub("", path) if _is_amp(path) else path)
    path = path.rstrip("/") if not path.endswith("//") else path
    kept = sorted(
        (name, value)
        for name, value in parse_qsl(query, keep_blank_values=True)
        if not _is_tracker(name.lower())
    )
    return f"{place}{path}" + (f"?{urlencode(kept)}" if kept else "")


def unwrap(url: str) -> str:
    """The target of a redirect that carries it in the query; other addresses as they are."""
    for _ in range(3):
        parts = _safe_split(url)
        if parts is None:
            return url
        host = parts.netloc.lower()
        path = "/" if host == "out.reddit.com" else parts.path
        parameter = _WRAPPERS.get(f"{host}{path}")
        target = dict(parse_qsl(parts.query)).get(parameter, "") if parameter else ""
        if not target.startswith(("http://", "https://")):
            return url
        url = target
    return url


def has_tracker(url: str) -> bool:
    """True when the query holds a parameter that `canonical_key` leaves out."""
    _, question, query = url.partition("?")
    return bool(question) and any(
        _is_tracker(pair.split("=")[0].lower()) for pair in query.split("&")
    )


def host_of(url: str) -> str:
    """The host of a repaired address, with its port where it has one."""
    return urlsplit(url).netloc


def _safe_split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _split(url: str) -> tuple[str, str, int | None, str, str] | None:
    """(scheme, host, port, path, query) of a web address, or None."""
    found = _SCHEME.match(url)
    if found is None or any(ord(c) < 32 for c in url):
        return None
    try:
        parts = urlsplit(f"{found[1].lower()}://{url[found.end() :]}")
        port = parts.port
        host = (parts.hostname or "").rstrip(".")
        host = host if host.isascii() else host.encode("idna").decode()
    except (ValueError, UnicodeError):
        return None
    if not _HOST.match(host) or ".." in host or "." not in host:
        return None
    return parts.scheme, host, port, parts.path, parts.query


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


#: Characters that stay as they are in a path or query (RFC 3986), and `%` of escapes.
_SAFE = "%/:=&?~+!$,;'@()*[]-._|^`{}"
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def _encode(text: str) -> str:
    """Percent-encodes what must be, and writes escapes in one way: `%7E` is `~`, `%e4` is `%E4`."""
    if text.isalnum() or not text:
        return quote(text, safe=_SAFE) if not text.isascii() else text
    text = quote(_BARE_PERCENT.sub("%25", text), safe=_SAFE)
    return _ESCAPE.sub(_one_escape, text) if "%" in text else text


def _one_escape(found: re.Match[str]) -> str:
    character = unquote(found[0], errors="replace")
    return character if character in _UNRESERVED else found[0].upper()


def _resolve_dots(path: str) -> str:
    """Resolves `.` and `..` (RFC 3986, 5.2.4); keeps empty segments, as web.archive.org has them."""
    if "/." not in path:
        return path
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    resolved = "/".join(kept)
    return (
        f"{resolved}/" if path.endswith(("/.", "/..")) and not resolved.endswith("/") else resolved
    )


def _is_amp(path: str) -> bool:
    return path.rstrip("/").endswith("/amp") or ".amp.htm" in path


def _is_tracker(name: str) -> bool:
    return name in TRACKERS or name in _SESSIONS or name.startswith(_TRACKER_PREFIXES)
