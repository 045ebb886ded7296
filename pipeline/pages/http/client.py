"""The client: connections that are kept and used again, and HTTP/2 where nothing else is spoken."""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress

from pipeline.pages.http.connect import Connector
from pipeline.pages.http.connection import ClosedEarlyError, Connection
from pipeline.pages.http.exchange import Exchange, Origin, Request, Wanted
from pipeline.pages.http.http2 import Http2Connection
from pipeline.pages.http.memory import Share
from pipeline.store.http_answer import Http2OnlyError, NoHttpError

_MOST_IDLE = 1_000  # connections that are kept for another request
_MOST_HTTP2 = 10_000  # origins of which it is remembered that they speak nothing else
#: Statuses by which a server asks for another protocol (RFC 9110, 15.5.22 and 15.6.6).
_OTHER_VERSION = frozenset({426, 505})


class Client:
    """Asks one thing after the other of many hosts; `close` it in the end.

    `allowed` are the (address, port) pairs beyond public addresses and the web's ports.
    """

    def __init__(self, allowed: Iterable[tuple[str, int]] = ()) -> None:
        self._connector = Connector(allowed)
        self._idle: dict[Origin, list[Connection]] = {}
        self._by_age: OrderedDict[Connection, Origin] = OrderedDict()
        self._http2: OrderedDict[Origin, None] = OrderedDict()

    async def close(self) -> None:
        """Closes all connections that are kept."""
        for connection in list(self._by_age):
            connection.close()
        await asyncio.sleep(0)  # transports close when the loop comes round

    async def get(
        self, origin: Origin, request: Request, wanted: Wanted, share: Share, seconds: float
    ) -> Exchange:
        """The answer to a request, within `seconds` from the look-up to its last byte.

        Raises TimeoutError, NoHttpError, ssl.SSLError and OSError (NoAddressError and
        RefusedAddressError among them).
        """
        until = asyncio.get_running_loop().time() + seconds
        told = None
        if origin not in self._http2:
            try:
                told = await self._get(origin, request, wanted, share, until)
                if told.head.status not in _OTHER_VERSION:
                    return told
            except Http2OnlyError:
                pass
            except ssl.SSLError as error:
                if "NO_APPLICATION_PROTOCOL" not in (error.reason or ""):
                    raise
        try:
            exchange = await self._over_new(Http2Connection, origin, request, wanted, share, until)
        except (NoHttpError, OSError):
            if told is None:
                raise
            return told
        self._http2[origin] = None
        if len(self._http2) > _MOST_HTTP2:
            self._http2.popitem(last=False)
        return exchange

    async def _get(
        self, origin: Origin, request: Request, wanted: Wanted, share: Share, until: float
    ) -> Exchange:
        """Over a kept connection where there is one that is still open, else over a new one."""
        while (kept := self._take(origin)) is not None:
            with suppress(ClosedEarlyError):
                return await self._over(kept, origin, request, wanted, share, until)
        return await self._over_new(Connection, origin, request, wanted, share, until)

    async def _over_new(
        self,
        kind: type[Connection],
        origin: Origin,
        request: Request,
        wanted: Wanted,
        share: Share,
        until: float,
    ) -> Exchange:
        async with asyncio.timeout(_left(until)):
            opened = await self._connector.open(
                kind, origin.host, origin.port, tls=origin.tls, speaks=kind.speaks
            )
        return await self._over(opened, origin, request, wanted, share, until)

    async def _over(
        self,
        connection: Connection,
        origin: Origin,
        request: Request,
        wanted: Wanted,
        share: Share,
        until: float,
    ) -> Exchange:
        """Asks over a connection, which is kept where another answer can come over it."""
        try:
            exchange = await connection.ask(request, wanted, share, _left(until))
        except BaseException:
            connection.close()
            raise
        self._keep(connection, origin)
        return exchange

    def _take(self, origin: Origin) -> Connection | None:
        idle = self._idle.get(origin, [])
        while idle:
            kept = idle.pop()
            self._by_age.pop(kept, None)
            if kept.usable:
                return kept
        self._idle.pop(origin, None)
        return None

    def _keep(self, connection: Connection, origin: Origin) -> None:
        if not connection.usable:
            return
        self._idle.setdefault(origin, []).append(connection)
        self._by_age[connection] = origin
        if len(self._by_age) > _MOST_IDLE:
            oldest, of = self._by_age.popitem(last=False)
            self._idle[of].remove(oldest)
            oldest.close()


def _left(until: float) -> float:
    return max(0.0, until - asyncio.get_running_loop().time())
