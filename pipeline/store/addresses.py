"""Addresses: the repaired one that is fetched, and the canonical key that names a page.

`repair` changes as little as a browser would.  `canonical_key` throws away all that
usually does not change the page: scheme, `www.`, `m.` and `amp.`, default port,
trackers, order of the query, fragment, index pages and the last slash.  Two
addresses of one page that keep different keys cost a second fetch and are caught
by deduplication; two pages under one key would lose one, so in doubt it keeps.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote

#: Query parameters that say where a visitor came from (courlan's and Firefox's lists
#: of trackers, by name and by prefix).
TRACKERS = frozenset(
    "fbclid gclid gclsrc dclid msclkid yclid twclid igshid igsh mc_cid mc_eid mkt_tok oly_anon_id "
    "oly_enc_id vero_id wickedid _hsenc _hsmi hsctatracking spm scm cmpid ncid sr_share ref_src "
    "ref_url feature soc_src soc_trk guccounter guce_referrer guce_referrer_sig _ga _gl "
    "s_cid rss partner ref "
    "at_medium at_campaign at_custom1 at_custom2 at_custom3 at_custom4".split()
)
_TRACKER_PREFIXES = ("utm_", "pk_", "piwik_", "mtm_", "hsa_", "ga_")
#: Parameters that carry a visitor's session; only a long value is one (`sid=12/3` is a story).
_SESSIONS = frozenset("phpsessid jsessionid sessionid session_id sid aspsessionid".split())
_SESSION_VALUE = re.compile(r"[0-9A-Za-z,-]{16,}")
#: Parameters that ask for the AMP form of a page, with the values that do.
_AMP_QUERY = {"amp": frozenset({"", "1", "true"}), "outputtype": frozenset({"amp"})}

_HOST_PREFIXES = ("www.", "m.", "mobile.", "amp.")
_INDEX = re.compile(r"/(?:index|default)\.(?:html?|php|aspx?|jsp|shtml)$", re.I)
_SESSION_IN_PATH = re.compile(r";jsessionid=[^/?#]*", re.I)
_AMP_END = re.compile(r"/amp/?$|\.amp(?=\.html?$)", re.I)
_HOST = re.compile(r"^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$")
_ADDRESS = re.compile(
    r"(https?):/*"  # scheme, with as many slashes as were typed
    r"(?:[^/?#]*@)?"  # credentials, which are dropped
    r"(\[[0-9a-f:.]+\]|[^/?#:@\[\]]+)(?::(\d{0,5}))?"  # host, a name or an address, and port
    r"(/[^?#]*)?(?:\?([^#]*))?(?:#.*)?",
    re.I | re.S,
)
#: Browsers drop these from an address (WHATWG URL); others make it none.
_CONTROL_SPACE = re.compile(r"[\t\r\n]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

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
_WRAPPER_HOSTS = frozenset(wrapper.partition("/")[0] for wrapper in _WRAPPERS)
_AMP_HOST = ".cdn.ampproject.org"
#: Google's AMP viewer and cache: `/amp/s/HOST/PATH`, with `s` for https.
_AMP_CACHE = re.compile(
    r"https?://(?:(?:www\.)?google\.com/amp|[a-z0-9-]+\.cdn\.ampproject\.org/[cv])/(s/)?"
    r"([^/?#]+\.[^/?#]+.*)",
    re.I,
)
_LONGEST = 2_000  # characters; longer addresses do not work in browsers and servers alike

_Address = tuple[str, str, str, str, str]  # scheme, host, port where it is no default, path, query


class PageAddress(NamedTuple):
    """The address to fetch, the key of the page, and its host, with a port that is no default."""

    url: str
    key: str
    host: str


def page_of(posted: str) -> PageAddress | None:
    """What a posted address leads to: `repair`, `canonical_key` and `host_of` in one go.

    None where it is no web address.
    """
    repaired = _repaired(posted)
    if repaired is None:
        return None
    url, address = repaired
    return PageAddress(url, _key(address), address[1] + address[2])


def repair(text: str) -> str | None:
    """The address to fetch, from what was posted; None when it is no web address.

    `text` must be free of HTML escapes.  Redirects that carry their target are
    unwrapped, spaces and other characters are percent-encoded, the fragment goes.
    """
    repaired = _repaired(text)
    return None if repaired is None else repaired[0]


def canonical_key(url: str) -> str:
    """The canonical form of a web address; the address itself, stripped, when it is none."""
    address = _split(_cleaned(url))
    return url.strip() if address is None else _key(_encoded(address))


def _repaired(text: str) -> tuple[str, _Address] | None:
    """The address to fetch and its pieces; None where it is none, or longer than works."""
    posted = _cleaned(text)
    address = _split(posted)
    if address is not None and _is_wrapper(address[1]):
        address = _split(unwrap(posted))
    if address is None:
        return None
    scheme, host, port, path, query = _encoded(address)
    address = scheme, host, port, path or "/", query
    url = _url(address)
    return (url, address) if len(url) <= _LONGEST else None


def _cleaned(text: str) -> str:
    """The text without white space around it and without what browsers drop inside."""
    text = text.strip()
    return text if text.isprintable() else _CONTROL_SPACE.sub("", text)


def _encoded(address: _Address) -> _Address:
    scheme, host, port, path, query = address
    return scheme, host, port, _encode(path), _encode(query)


def _url(address: _Address) -> str:
    scheme, host, port, path, query = address
    return f"{scheme}://{host}{port}{path}?{query}" if query else f"{scheme}://{host}{port}{path}"


def _key(address: _Address) -> str:
    _, host, port, path, query = address
    query = _canonical_query(query) if query else ""
    return f"{_bare_host(host)}{port}{_canonical_path(path)}{query}"


def _bare_host(host: str) -> str:
    """Without `www.`, `m.`, `mobile.`, `amp.`, where two labels are left."""
    while host.startswith(_HOST_PREFIXES):
        rest = host[host.index(".") + 1 :]
        if "." not in rest:
            break
        host = rest
    return host


def _canonical_path(path: str) -> str:
    if ";" in path:
        path = _SESSION_IN_PATH.sub("", path)
    path, before = _resolve_dots(path), None
    small = path.lower()
    if not ("amp" in small or "index." in small or "default." in small):  # most, at once
        return _without_slash(path)
    while path != before:  # an AMP page may be an index page, and the other way round
        before = path
        path = _without_slash(_INDEX.sub("/", _AMP_END.sub("", path)))
    return path


def _without_slash(path: str) -> str:
    return path[:-1] if path.endswith("/") and not path.endswith("//") else path


def _canonical_query(query: str) -> str:
    """The query in order of its parameters, without those that do not change the page."""
    kept = sorted(pair for pair in query.split("&") if pair and not _is_noise(pair))
    return f"?{'&'.join(kept)}".replace("+", "%20") if kept else ""


def unwrap(url: str) -> str:
    """The target of a redirect that carries it in the query; other addresses as they are."""
    for _ in range(3):
        amp = _AMP_CACHE.match(url)
        target = f"http{'s' if amp[1] else ''}://{amp[2]}" if amp else _wrapped(url)
        if target is None:
            return url
        url = target
    return url


def _is_wrapper(host: str) -> bool:
    return host in _WRAPPER_HOSTS or host.endswith(_AMP_HOST)


def _wrapped(url: str) -> str | None:
    address = _split(url)
    if address is None:
        return None
    _, host, _, path, query = address
    parameter = _WRAPPERS.get(host + ("/" if host == "out.reddit.com" else path))
    target = dict(parse_qsl(query)).get(parameter, "") if parameter else ""
    return target if target.startswith(("http://", "https://")) else None


def has_tracker(url: str) -> bool:
    """True when the query holds a parameter that `canonical_key` leaves out."""
    _, question, query = url.partition("?")
    return bool(question) and any(_is_noise(pair) for pair in query.split("&"))


def host_of(url: str) -> str:
    """The host of a repaired address, with its port where it has one."""
    return re.split("[/?#]", url.partition("://")[2], maxsplit=1)[0]


def without_port(host: str) -> str:
    """A host, as `host_of` gives it, without its port."""
    return re.sub(r":\d+$", "", host)


def _split(url: str) -> _Address | None:
    """The pieces of a web address; None when it is none."""
    found = _ADDRESS.fullmatch(url)
    if found is None or (not url.isprintable() and _CONTROL.search(url)):
        return None
    scheme, host, port, path, query = found.groups(default="")
    scheme = scheme.lower()
    host = _literal(host) if host.startswith("[") else _name(host)
    if not host or (port and int(port) > 65535):
        return None
    place = f":{int(port)}" if port and int(port) != (443 if scheme == "https" else 80) else ""
    return scheme, host, place, path, query


def _literal(host: str) -> str:
    """An IPv6 address in brackets, written in the one way of RFC 5952; empty where it is none."""
    try:
        return f"[{ipaddress.IPv6Address(host[1:-1])}]"
    except ValueError:
        return ""


def _name(host: str) -> str:
    """The name of a host in lower case and ASCII; empty where it is none."""
    host = unquote(host) if "%" in host else host  # as browsers do, and as parsers escape letters
    host = host.lower().rstrip(".")
    if not host.isascii():
        try:
            host = host.encode("idna").decode().rstrip(".")
        except UnicodeError:
            return ""
    return host if _HOST.match(host) and ".." not in host and "." in host else ""


#: Characters that stay as they are in a path or query (RFC 3986), and `%` of escapes.
_SAFE = "%/:=&?~+!$,;'@()*[]-._|^`{}"
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
#: Written as they are: unreserved ones, and those that servers take either way.
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!*'()")


_PLAIN = re.compile(r"[A-Za-z0-9/:=&?~+!$,;'@()*\[\]._|^`{}-]*")


def _encode(text: str) -> str:
    """Percent-encodes what must be, and writes escapes in one way: `%7E` is `~`, `%e4` is `%E4`."""
    if _PLAIN.fullmatch(text):
        return text
    text = quote(_BARE_PERCENT.sub("%25", text), safe=_SAFE, errors="replace")
    return _ESCAPE.sub(_one_escape, text) if "%" in text else text


def _one_escape(match: re.Match[str]) -> str:
    character = unquote(match[0], errors="replace")
    return character if character in _UNRESERVED else match[0].upper()


def _resolve_dots(path: str) -> str:
    """Resolves `.` and `..` (RFC 3986, 5.2.4); keeps empty segments: web.archive.org has them."""
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


def _is_noise(pair: str) -> bool:
    """True for a query parameter (`name=value`) that does not change the page."""
    name, _, value = pair.partition("=")
    name = name.lower()
    if name in TRACKERS or name.startswith(_TRACKER_PREFIXES):
        return True
    if name in _SESSIONS:
        return _SESSION_VALUE.fullmatch(value) is not None
    return name in _AMP_QUERY and value.lower() in _AMP_QUERY[name]


def page_id(key: str) -> str:
    """The id of a page: blake2b of its canonical address, 16 bytes, in hex."""
    return hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
