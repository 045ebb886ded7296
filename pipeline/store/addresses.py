"""Addresses: the repaired one that is fetched, and the canonical key that names a page.

`repair` changes as little as a browser would, by the browser's own rules (WHATWG URL).
`canonical_key` throws away all that does not change the page: scheme, `www.`, `m.` and
`amp.`, default port, trackers, order of the query, index pages, the last slash, and a
fragment that is no route (`#!` and `#/` name pages of their own).  Two addresses of one
page that keep different keys cost a second fetch and are caught by deduplication; two
pages under one key would lose one, so in doubt it keeps.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple
from urllib.parse import quote, unquote, urljoin

from pipeline.store.hosts import bare_host, web_host
from pipeline.store.trackers import has_amp, is_noise, without_amp
from pipeline.store.wrappers import is_wrapper, target_of

_INDEX = re.compile(r"/(?:index|default)\.(?:html?|php|aspx?|jsp|shtml)$", re.I)
_SESSION_IN_PATH = re.compile(r";jsessionid=[^/?#]*", re.I)
_ADDRESS = re.compile(
    r"(https?):[/\\]*"  # scheme, with as many slashes as were typed
    r"(?:[^/\\?#]*@)?"  # credentials, which are dropped
    r"(\[[0-9a-f:.]+\]|[^/\\?#:@\[\]]{1,2000})(?::(\d{0,5}))?"  # host or its IPv6 address, port
    r"([/\\][^?#]*)?(?:\?([^#]*))?(?:#(.*))?",
    re.I | re.S,
)
#: A scheme that was pasted before one that was there: `http://http://`, `http://https//`.
_SCHEME_TWICE = re.compile(r"https?:[/\\]+(?=(https?)(?::[/\\]+|[/\\]{2}))", re.I)
_SCHEME_WITHOUT_COLON = re.compile(r"(https?)[/\\]{2}", re.I)
#: Browsers drop these from an address (WHATWG URL); others make it none.
_CONTROL_SPACE = re.compile(r"[\t\r\n]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
#: A fragment that a script takes for the page to show: `#!/nasa/status/1`, `#/guide`.
_ROUTE = re.compile(r"(?:!/?|/)[^/&\s]")
#: A `?` within a query: the second of two that were put together.
_SECOND_QUESTION = re.compile(r"\?([^&?]+)")
_LONGEST = 2_000  # characters; longer addresses do not work in browsers and servers alike


#: scheme, host, port with its colon where it is not the scheme's own, path, query, and a fragment
#: that is a route, else empty.  A plain tuple: a class of its own takes a fifth of a key's time.
_Address = tuple[str, str, str, str, str, str]


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

    `text` must be free of HTML escapes.  Redirects that carry their target are unwrapped,
    a scheme written twice is written once, spaces and other characters are percent-encoded,
    and a fragment goes that is no route.
    """
    repaired = _repaired(text)
    return None if repaired is None else repaired[0]


def resolve(base: str, reference: str) -> str | None:
    """The address to fetch that a page or server at `base` refers to; None when it is none.

    As browsers do (WHATWG URL, 4.4), a `\\` before the query is read as `/`.
    """
    path, *rest = re.split("([?#])", reference, maxsplit=1)
    try:
        return repair(urljoin(base, "".join([path.replace("\\", "/"), *rest])))
    except ValueError:  # such as `http://[`
        return None


def canonical_key(url: str) -> str:
    """The canonical form of a web address; the address itself, stripped, when it is none."""
    address = _split(_cleaned(url))
    return url.strip() if address is None else _key(_encoded(address))


def unwrap(url: str) -> str:
    """The target of a redirect that carries it in the address; other addresses as they are."""
    for _ in range(3):
        address = _split(url)
        if address is None:
            return url
        _, host, _, path, query, _ = address
        target = target_of(url, host, path, query)
        if target is None:
            return url
        url = target
    return url


def has_tracker(url: str) -> bool:
    """True when the query holds a parameter that `canonical_key` leaves out."""
    address = _split(url) if "?" in url else None
    if address is None:
        return False
    _, host, _, path, query, _ = address
    return any(is_noise(pair, host, path) for pair in _parameters(query, host, path))


def host_of(url: str) -> str:
    """The host of a repaired address, with its port where it has one."""
    return re.split("[/?#]", url.partition("://")[2], maxsplit=1)[0]


def without_port(host: str) -> str:
    """A host, as `host_of` gives it, without its port."""
    return re.sub(r":\d+$", "", host)


def page_id(key: str) -> str:
    """The id of a page: blake2b of its canonical address, 16 bytes, in hex."""
    return hashlib.blake2b(key.encode(), digest_size=16).hexdigest()


def _repaired(text: str) -> tuple[str, _Address] | None:
    """The address to fetch and its pieces; None where it is none, or longer than works."""
    posted = _cleaned(text)
    address = _split(posted)
    if address is not None and is_wrapper(address[1]):
        address = _split(unwrap(posted))
    if address is None:
        return None
    address = _encoded(address)
    url = _url(address)
    return (url, address) if len(url) <= _LONGEST else None


def _cleaned(text: str) -> str:
    """The text without white space around it and without what browsers drop inside."""
    text = text.strip()
    return text if text.isprintable() else _CONTROL_SPACE.sub("", text)


def _split(url: str) -> _Address | None:
    """The pieces of a web address; None when it is none."""
    match = _ADDRESS.fullmatch(url)
    if match is None or (not url.isprintable() and _CONTROL.search(url)):
        return None
    scheme, typed, port, path, query, fragment = match.groups(default="")
    host, scheme = web_host(typed), scheme.lower()
    if host is None:  # `http` is a host where a scheme was written twice
        once = _with_one_scheme(url)
        return _split(once) if once != url else None
    if port:
        if int(port) > 65535:
            return None
        port = f":{int(port)}" if int(port) != (443 if scheme == "https" else 80) else ""
    if "\\" in path:
        path = path.replace("\\", "/")
    return scheme, host, port, path, query, fragment if fragment and _ROUTE.match(fragment) else ""


def _with_one_scheme(url: str) -> str:
    while twice := _SCHEME_TWICE.match(url):
        url = _SCHEME_WITHOUT_COLON.sub(r"\1://", url[twice.end() :], count=1)
    return url


def _encoded(address: _Address) -> _Address:
    scheme, host, port, path, query, route = address
    route = _encode(route) if route else ""
    return scheme, host, port, _encode(path) or "/", _encode(query) if query else "", route


def _url(address: _Address) -> str:
    scheme, host, port, path, query, route = address
    url = f"{scheme}://{host}{port}{path}?{query}" if query else f"{scheme}://{host}{port}{path}"
    return f"{url}#{route}" if route else url


def _key(address: _Address) -> str:
    _, host, port, path, query, route = address
    query = _canonical_query(query, host, path) if query else ""
    key = f"{bare_host(host)}{port}{_canonical_path(path, host)}{query}"
    return f"{key}#{route}" if route else key


def _canonical_path(path: str, host: str) -> str:
    if ";" in path:
        path = _SESSION_IN_PATH.sub("", path)
    path, before = _resolve_dots(path), None
    small = path.lower()
    if not ("amp" in small or "index." in small or "default." in small):  # most, at once
        return _without_slash(path)
    amp = has_amp(host)
    while path != before:  # an AMP page may be an index page, and the other way round
        before = path
        path = _without_slash(_INDEX.sub("/", without_amp(path) if amp else path))
    return path


def _without_slash(path: str) -> str:
    return path[:-1] if path.endswith("/") and not path.endswith("//") else path


def _canonical_query(query: str, host: str, path: str) -> str:
    """The query in order of its parameters, without those that do not change the page."""
    parameters = _parameters(query, host, path)
    kept = sorted(pair for pair in parameters if not is_noise(pair, host, path))
    return f"?{'&'.join(kept)}".replace("+", "%20") if kept else ""


def _parameters(query: str, host: str, path: str) -> list[str]:
    """The parameters (`name=value`) of a query; a second `?` begins one where it is a tracker."""
    if "?" in query:
        query = _SECOND_QUESTION.sub(
            lambda match: f"&{match[1]}" if is_noise(match[1], host, path) else match[0], query
        )
    return [pair for pair in query.split("&") if pair]


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
