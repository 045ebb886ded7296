"""The address guard: a connection is opened only to a public address on port 80 or 443.

The check sits between the look-up of a name and the socket, and nothing looks the name
up again: literals, redirects and names that change their answer between check and use
(rebinding) come past it too, which a check of names would miss.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from pipeline.store.errors import SettingError

_WEB_PORTS = frozenset({80, 443})
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")  # RFC 4291: all that is assigned so far
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
#: Set aside by IANA's registries of special-purpose addresses; not every version of Python knows
#: them: protocol assignments (RFC 6890, 2928; Oracle's cloud has its metadata at 192.0.0.192), the
#: relays of 6to4 (RFC 7526), documentation (RFC 9637).  Nobody serves pages there.
_SET_ASIDE = tuple(
    map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20"))
)
#: Public by their numbers, but a cloud's machines reach an inner service there: Azure's platform
#: (learn.microsoft.com, "What is IP address 168.63.129.16?").
_INNER_SERVICE = ipaddress.ip_address("168.63.129.16")

#: An IPv6 address in brackets, or a name or IPv4 address; a port or none.
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/\[\]]+))(?::(\d{1,5}))?")

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]


class RefusedAddressError(OSError):
    """The address is not a public one, or the port is none of the web's."""


def is_public(address: str) -> bool:
    """True for a public unicast address; looks into mapped, 6to4, Teredo and NAT64 forms."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner: list[ipaddress.IPv4Address | None] = [ip.ipv4_mapped, ip.sixtofour]
        inner += list(ip.teredo or ())
        if ip in _NAT64:
            inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        addresses = [v4 for v4 in inner if v4 is not None]
        if addresses:
            return all(is_public(str(v4)) for v4 in addresses)
        # Other forms can carry a private address too: ::/96, local NAT64 prefixes, site-local.
        if ip not in _GLOBAL_UNICAST:
            return False
    apart = ip == _INNER_SERVICE or any(ip in network for network in _SET_ASIDE)
    return ip.is_global and not ip.is_multicast and not apart


def permitted(via: str, allow_hosts: Iterable[str]) -> frozenset[tuple[str, int]]:
    """(address, port) pairs that a recipe allows by name, besides the public ones.

    Raises SettingError when `via` is not among the allowed hosts, or a name is unknown.
    """
    names = [_host_and_port(name) for name in allow_hosts]
    allowed = {
        (address, number)
        for host, port in names
        for number in ([port] if port else sorted(_WEB_PORTS))
        for address in _addresses(host)
    }
    if via:
        parts = urlsplit(via)
        if parts.scheme != "http" or not parts.hostname:
            raise SettingError(
                f"pages.via = {via!r} is no http:// origin", "For example http://127.0.0.1:8017"
            )
        host, port_number = parts.hostname, parts.port or 80
        if (host, 0) not in names and (host, port_number) not in names:
            raise SettingError(
                f"pages.via leads to {host}, which pages.allow_hosts does not name",
                f'Add it: allow_hosts = ["{host}"]',
            )
        allowed |= {(address, port_number) for address in _addresses(host)}
    return frozenset(allowed)


def _host_and_port(name: str) -> tuple[str, int]:
    """A host of `allow_hosts` and its port, 0 without one: `name`, `name:8080`, `[::1]:8080`.

    An IPv6 address may stand without brackets where it has no port.
    """
    with suppress(ValueError):
        return str(ipaddress.IPv6Address(name)), 0
    match = _HOST.fullmatch(name)
    if match is None:
        raise SettingError(
            f"pages.allow_hosts: {name!r} is neither `host` nor `host:port`",
            "For example 127.0.0.1:8017",
        )
    host = match[1] or match[2]
    if match[1]:
        with suppress(ValueError):
            host = str(ipaddress.IPv6Address(host))
    return host.lower(), int(match[3] or 0)


def _addresses(host: str) -> set[str]:
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError as error:
        raise SettingError(
            f"pages.allow_hosts: {host} has no address: {error}", "Correct the name"
        ) from None


def public_only(
    addresses: Iterable[AddressInfo], allowed: frozenset[tuple[str, int]]
) -> list[AddressInfo]:
    """The addresses of a name that may be connected to.

    Raises RefusedAddressError where there is none among them.
    """
    listed = list(addresses)
    may = [info for info in listed if _may_connect(str(info[4][0]), int(info[4][1]), allowed)]
    if not may:
        named = ", ".join(sorted({f"{info[4][0]} port {info[4][1]}" for info in listed}))
        raise RefusedAddressError(f"no public web address: {named or 'none at all'}")
    return may


def _may_connect(address: str, port: int, allowed: frozenset[tuple[str, int]]) -> bool:
    return (port in _WEB_PORTS and is_public(address)) or (address, port) in allowed
