"""HTTP/2 (RFC 9113), for the few servers that speak nothing else: one request a connection."""

from __future__ import annotations

from typing import ClassVar

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, ResponseReceived, StreamEnded, StreamReset
from h2.exceptions import H2Error
from h2.settings import SettingCodes

from pipeline.pages.http.connection import Connection, Reader
from pipeline.pages.http.exchange import Request
from pipeline.store.chunked import without_chunks
from pipeline.store.http_answer import AnswerHead, Headers, NoHttpError

_WINDOW = 1 << 20  # bytes that may come before they are acknowledged
#: Headers of HTTP/1.1 that name the connection or the host in another way (RFC 9113, 8.2.2).
_NOT_SENT = frozenset({"host", "connection"})
#: Bytes of a header list; a few bytes can stand for many.
_MOST_HEAD = 1 << 18


class Http2Reader:
    """Makes an answer of frames; `to_send` has what the protocol wants said back."""

    def __init__(self, request: Request, *, tls: bool) -> None:
        self.head: AnswerHead | None = None
        self.body = bytearray()
        self.done = self.whole = False
        self.reusable = False
        self._frames = H2Connection(
            H2Configuration(header_encoding=None, validate_inbound_headers=False)
        )
        self._frames.initiate_connection()
        self._frames.update_settings(
            {
                SettingCodes.ENABLE_PUSH: 0,
                SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW,
                SettingCodes.MAX_HEADER_LIST_SIZE: _MOST_HEAD,
            }
        )
        self._frames.increment_flow_control_window(_WINDOW)
        host = next((value for name, value in request.headers if name == "Host"), "")
        named = [(name.lower(), value) for name, value in request.headers]
        self._frames.send_headers(
            self._frames.get_next_available_stream_id(),
            [
                (":method", "GET"),
                (":scheme", "https" if tls else "http"),
                (":authority", host),
                (":path", request.target),
                *(field for field in named if field[0] not in _NOT_SENT),
            ],
            end_stream=True,
        )

    def to_send(self) -> bytes:
        """Bytes for the other side."""
        return bytes(self._frames.data_to_send())

    def feed(self, data: bytes) -> None:
        """Takes more bytes; raises NoHttpError."""
        try:
            for event in self._frames.receive_data(data):
                self._take(event)
        except H2Error as error:
            raise NoHttpError(f"no HTTP/2: {type(error).__name__}: {error}") from None

    def _take(self, event: Event) -> None:
        if isinstance(event, ResponseReceived):
            pairs = [(_text(name), _text(value)) for name, value in event.headers or ()]
            status = dict(pairs).get(":status", "")
            if not status.isdigit():
                raise NoHttpError("an answer without a status")
            fields = Headers(pair for pair in pairs if not pair[0].startswith(":"))
            self.head = AnswerHead(int(status), fields, "2")
        elif isinstance(event, DataReceived):
            self.body += event.data or b""
            self._frames.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            self.whole = True
            self.end()
        elif isinstance(event, StreamReset) and not self.done:
            self.end(broken=True)

    def end(self, *, broken: bool = False) -> None:
        """There are no more bytes."""
        if self.head is None:
            raise NoHttpError("the connection was closed before an answer came")
        self.body = bytearray(without_chunks(self.body))
        self.done = True


def _text(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else raw.decode("utf-8", "replace")


class Http2Connection(Connection):
    """Reads one answer of HTTP/2."""

    speaks: ClassVar[str] = "h2"
    _frames: Http2Reader

    def _begin(self, request: Request) -> Reader:
        tls = self._transport.get_extra_info("ssl_object") is not None
        self._reader = self._frames = Http2Reader(request, tls=tls)
        self._transport.write(self._frames.to_send())
        return self._frames

    def data_received(self, data: bytes) -> None:
        """Bytes came; what they ask for is answered."""
        super().data_received(data)
        if self.usable:
            self._transport.write(self._frames.to_send())
