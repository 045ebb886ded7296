"""A connection: one answer at a time comes over it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import ClassVar, Protocol, cast

from pipeline.pages.http.exchange import Exchange, Request, Wanted
from pipeline.pages.http.memory import FREE, Share
from pipeline.store.http_answer import AnswerHead, AnswerReader, Headers, NoHttpError

_STEP = 1 << 18  # bytes of a long body between two looks at the memory that is left


class ClosedEarlyError(ConnectionError):
    """A connection that was kept open turned out to be closed: nothing was answered."""


class Reader(Protocol):
    """What makes an answer of the bytes of a connection (`AnswerReader` for HTTP/1)."""

    @property
    def head(self) -> AnswerHead | None:
        """Status and headers, once they are read."""

    @property
    def body(self) -> bytearray:
        """What has come of the body."""

    @property
    def done(self) -> bool:
        """Whether the answer has come to its end."""

    @property
    def whole(self) -> bool:
        """Whether it ended as it was announced."""

    @property
    def reusable(self) -> bool:
        """Whether another answer can come over the connection."""

    def feed(self, data: bytes) -> None:
        """Takes more bytes; raises NoHttpError."""

    def end(self, *, broken: bool = False) -> None:
        """There are no more bytes; raises NoHttpError."""


class Connection(asyncio.Protocol):
    """Reads answers of HTTP/1.1; as a protocol of asyncio it is told what comes."""

    speaks: ClassVar[str] = "http/1.1"

    def __init__(self) -> None:
        self._reader: Reader | None = None
        self._failed: Exception | None = None
        self._woken = asyncio.Event()
        self._received = self._look_at = 0
        self._used = False
        #: Whether it is open and nothing has come that nobody asked for.
        self.usable = True
        self.address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        reader = self._reader
        if reader is None or reader.done:
            self.close()  # an answer to no request
            return
        self._received += len(data)
        headless = reader.head is None
        try:
            reader.feed(data)
        except NoHttpError as error:
            self._failed = error
        new_head = headless and reader.head is not None
        much = reader.head is not None and self._received >= self._look_at
        if much and not reader.done:
            # At once: what lies ready is megabytes, and all of it would be read.
            self._transport.pause_reading()
        if reader.done or self._failed or new_head or much:
            self._woken.set()

    def eof_received(self) -> bool:
        """The other side has said all."""
        self._end(broken=False)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, or broken off."""
        self.usable = False
        # Many servers end TLS without saying so; what came until then is all there is.
        self._end(broken=isinstance(exc, ConnectionError))

    def _end(self, *, broken: bool) -> None:
        self.usable = False
        reader = self._reader
        if reader is not None and not reader.done and self._failed is None:
            if not self._received and self._used:
                self._failed = ClosedEarlyError("the connection was closed between two requests")
            else:
                try:
                    reader.end(broken=broken)
                except NoHttpError as error:
                    self._failed = error
        self._woken.set()

    async def ask(self, request: Request, wanted: Wanted, share: Share, seconds: float) -> Exchange:
        """Sends a request and reads the answer within so many seconds.

        When the time is up what has come is given, if a head is among it.  Raises TimeoutError,
        NoHttpError, Http2OnlyError, ClosedEarlyError or OSError.
        """
        self._received, self._look_at, self._failed = 0, FREE, None
        self._woken.clear()
        reader = self._begin(request)
        late = too_large = False
        try:
            async with asyncio.timeout(seconds) as clock:
                too_large = await self._read(reader, wanted, share, clock)
        except TimeoutError:
            if reader.head is None:
                raise
            late = True
            with suppress(NoHttpError):
                reader.end(broken=True)
        self._used, self._reader = True, None
        if not reader.reusable:
            self.close()
        return Exchange(
            request.to_bytes(),
            reader.head or AnswerHead(200, Headers()),
            bytes(reader.body),
            whole=reader.whole,
            late=late,
            too_large=too_large,
            address=self.address,
            protocol=self.speaks,
        )

    def _begin(self, request: Request) -> Reader:
        """Sends a request; gives what reads its answer."""
        self._reader = reader = AnswerReader()
        self._transport.write(request.to_bytes())
        return reader

    async def _read(
        self, reader: Reader, wanted: Wanted, share: Share, clock: asyncio.Timeout
    ) -> bool:
        """Reads what is wanted; true where there is more than that."""
        most = -1
        while True:
            await self._woken.wait()
            self._woken.clear()
            if self._failed is not None:
                raise self._failed
            if reader.head is None:
                continue
            most = wanted.most_bytes(reader.head) if most < 0 else most
            if len(reader.body) > most:
                return True
            if reader.done or wanted.enough(reader.head, reader.body):
                return False
            if self._received >= self._look_at:
                if not share.fits(self._received):
                    await _wait(share, clock)
                self._look_at = self._received + _STEP
                self._transport.resume_reading()

    def close(self) -> None:
        """Closes the connection at once."""
        self.usable = False
        self._transport.abort()


async def _wait(share: Share, clock: asyncio.Timeout) -> None:
    """Waits for memory, and the sender too; it costs the page none of its time."""
    loop = asyncio.get_running_loop()
    started, when = loop.time(), clock.when()
    clock.reschedule(None)
    await share.wait()
    clock.reschedule(None if when is None else when + loop.time() - started)
