"""Opens connections: names looked up and remembered, addresses checked, TLS spoken.

The guard stands between the look-up and the socket: only the addresses that it lets through
are connected to, and nothing looks a name up again behind it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TypeVar

from aiohappyeyeballs import start_connection

from pipeline.pages.guard import AddressInfo, public_only

#: Names whose addresses are remembered, and for how many seconds.
_NAMES, _SECONDS = 10_000, 300.0
#: Threads that look names up.  libuv has 4, which a few dead name servers keep busy.
_THREADS = "32"
#: Seconds after which the next address of a name is tried beside the first (RFC 8305, 5).
_NEXT_ADDRESS = 0.25

P = TypeVar("P", bound=asyncio.BaseProtocol)


class NoAddressError(OSError):
    """A name has no address, or none that can be looked up now."""


class Connector:
    """Opens connections to public addresses, and to those that a recipe allows."""

    def __init__(self, allowed: Iterable[tuple[str, int]]) -> None:
        os.environ.setdefault("UV_THREADPOOL_SIZE", _THREADS)
        self._allowed = frozenset(allowed)
        self._resolved: OrderedDict[tuple[str, int], tuple[float, Sequence[AddressInfo]]] = (
            OrderedDict()
        )

    async def open(
        self, protocol: Callable[[], P], host: str, port: int, *, tls: bool, speaks: str
    ) -> P:
        """A connection to a host; with `tls` it says that it `speaks` http/1.1 or h2.

        Raises NoAddressError, RefusedAddressError, ssl.SSLError or OSError.
        """
        loop = asyncio.get_running_loop()
        addresses = public_only(await self._addresses(host, port), self._allowed)
        opened = await start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS, loop=loop)
        try:
            _, made = await loop.create_connection(
                protocol,
                sock=opened,
                ssl=_tls_context(speaks) if tls else None,
                server_hostname=host if tls else None,
            )
        except BaseException:
            opened.close()
            raise
        return made

    async def _addresses(self, host: str, port: int) -> Sequence[AddressInfo]:
        resolved = self._resolved.get((host, port))
        if resolved is not None and resolved[0] > time.monotonic():
            self._resolved.move_to_end((host, port))
            return resolved[1]
        loop = asyncio.get_running_loop()
        try:
            infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NoAddressError(f"{host}: {error}") from None
        self._resolved[host, port] = time.monotonic() + _SECONDS, infos
        if len(self._resolved) > _NAMES:
            self._resolved.popitem(last=False)
        return infos


@cache
def _tls_context(speaks: str) -> ssl.SSLContext:
    """Certificates are checked; servers that are old, not unsafe, are met halfway."""
    context = ssl.create_default_context()
    context.set_alpn_protocols([speaks])
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)  # named from Python 3.12 on
    return context
