"""What the client is asked for and what it gives back: one request and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, urlsplit

from pipeline.store.http_answer import AnswerHead

#: Characters that stand in a request as they are: those of an address, and `%` of escapes.
_SAFE = "%/:=&?~+!$,;'@()*[]-._|^`{}"


@dataclass(frozen=True)
class Origin:
    """Where a request goes."""

    tls: bool
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of a web address."""
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        return cls(tls, parts.hostname or "", parts.port or (443 if tls else 80))


@dataclass(frozen=True)
class Request:
    """A GET request: its target, and its headers in their order, Host first."""

    target: str
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, url: str, headers: tuple[tuple[str, str], ...]) -> Request:
        """The request for a web address; nothing in it can end a line early."""
        parts = urlsplit(url)
        target = quote(f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}", safe=_SAFE)
        host = parts.netloc.rpartition("@")[2]
        return cls(target, (("Host", host), *headers))

    def to_bytes(self) -> bytes:
        """The request as HTTP/1.1 sends it."""
        lines = [f"GET {self.target} HTTP/1.1", *(f"{name}: {it}" for name, it in self.headers)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


class Wanted(Protocol):
    """What of an answer is wanted, judged by its head and its beginning."""

    def most_bytes(self, head: AnswerHead) -> int:
        """How many bytes of the body are read; with more, reading ends."""

    def enough(self, head: AnswerHead, body: bytearray) -> bool:
        """Whether what has come is enough, so that the rest need not be waited for."""


@dataclass(frozen=True)
class Exchange:
    """A request as it was sent and the answer that came."""

    request: bytes
    head: AnswerHead
    body: bytes  # without chunks, with its content coding
    #: Whether the body came as it was announced, to its end.
    whole: bool
    #: Whether the time was up before it came to its end.
    late: bool = False
    #: Whether there are more bytes than were wanted.
    too_large: bool = False
    address: str = ""  # of the server, as the connection had it
    protocol: str = "http/1.1"
