"""Host names by a browser's rules (WHATWG URL, host parsing), and the domains above a host."""

from __future__ import annotations

import ipaddress
import re
import socket
from functools import lru_cache
from urllib.parse import unquote

import idna

_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")
#: A last label that makes a browser read the whole host as an IPv4 address.
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)")


_LONGEST_LABEL = 63  # characters (RFC 1035, 2.3.4)
#: What differs on hosts for phones and for AMP, and before all hosts of the web.
_PREFIXES = ("www.", "m.", "mobile.", "amp.")
_KEPT = 1 << 16  # hosts remembered, a few MB; those of a month's links repeat in the thousands


@lru_cache(_KEPT)
def web_host(host: str) -> str | None:
    """The ASCII form of a host on the public web; None where it is none.

    Other scripts go through UTS 46, non-transitional: `straße.de` is `xn--strae-oqa.de`, as in
    browsers since 2016, where Python's own codec (IDNA 2003) makes it `strasse.de`.  Symbols
    that IDNA 2008 forbids for new names stay, as in browsers: `☃.net` is there.
    """
    if host.startswith("["):
        return _ipv6(host)
    if "%" in host:
        host = unquote(host)
    if not host.isascii():
        mapped = _mapped(host)
        if mapped is None:
            return None
        host = mapped
    host = host.lower().rstrip(".")
    if not _HOST.fullmatch(host) or ".." in host or "." not in host:
        return None
    return _ipv4(host) if _NUMBER.fullmatch(host[host.rindex(".") + 1 :]) else host


@lru_cache(_KEPT)
def bare_host(host: str) -> str:
    """Without `www.`, `m.`, `mobile.`, `amp.`, where two labels are left."""
    while host.startswith(_PREFIXES):
        rest = host[host.index(".") + 1 :]
        if "." not in rest:
            break
        host = rest
    return host


def domains_of(host: str) -> list[str]:
    """A host and the domains above it: `a.b.c` is `a.b.c`, `b.c`."""
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(max(1, len(labels) - 1))]


def _mapped(host: str) -> str | None:
    """A host of other scripts in ASCII, by UTS 46; None where it is none or too long."""
    try:
        labels = idna.uts46_remap(host, std3_rules=False, transitional=False).split(".")
    except UnicodeError:  # idna's own errors are among them
        return None
    if any(len(label) > _LONGEST_LABEL for label in labels):
        return None
    named = [x if x.isascii() else f"xn--{x.encode('punycode').decode()}" for x in labels]
    return None if any(len(label) > _LONGEST_LABEL for label in named) else ".".join(named)


def _ipv6(host: str) -> str | None:
    """An IPv6 address in brackets, written in the one way of RFC 5952."""
    try:
        return f"[{ipaddress.IPv6Address(host[1:-1])}]"
    except ValueError:
        return None


def _ipv4(host: str) -> str | None:
    """An IPv4 address as four numbers: `0x7f.1` is `127.0.0.1`."""
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None
