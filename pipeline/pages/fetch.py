"""One request over HTTP with caps on everything; redirects are answers, followed by the caller."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from pipeline.pages.guard import permitted, socket_factory, was_refused
from pipeline.pages.outcomes import UNREACHED, Outcome
from pipeline.pages.screen import is_wanted, judge, media_type
from pipeline.pages.settings import PagesSettings
from pipeline.store.addresses import repair
from pipeline.store.decode import BadEncodingError, TooLargeError, unpack

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
_PIECE = 1 << 16
#: Names whose addresses are remembered, and for how long; aiohttp drops the longest unused.
_DNS_NAMES, _DNS_SECONDS = 10_000, 300
#: Threads that look names up.  libuv has 4, which a few dead name servers keep busy.
_DNS_THREADS = "32"


#: A file that was sent, but cannot be read.
_UNREADABLE = frozenset({Outcome.BAD_ENCODING, Outcome.TOO_LARGE, Outcome.REFUSED_ADDRESS})


def storable(text: str) -> str:
    """Text that can be stored as UTF-8: headers carry other bytes as lone surrogates."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _kind_of(error: Exception) -> Outcome:
    """Which step towards an answer failed."""
    if was_refused(error):
        return Outcome.REFUSED_ADDRESS
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Outcome.DNS
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return Outcome.TLS
    return Outcome.CONNECTION


@dataclass
class Answer:
    """What came back for a link, whether a page or not."""

    url: str
    final_url: str = ""
    outcome: Outcome = Outcome.CONNECTION
    status: int | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    request: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""  # as received
    moved: str = ""  # where a redirect leads
    refused: bool = False  # nothing was asked: what is known of the host forbids it
    error: str = ""
    charset: str = ""
    charset_by: str = ""  # how it was chosen (`decode.Decoded`)

    @property
    def failed(self) -> bool:
        """True when the host, not the page, is at fault: the network, 429, passing 5xx."""
        if self.moved or self.refused:
            return False
        busy = self.outcome == Outcome.HTTP_ERROR and self.status in _RETRIED
        return busy or self.outcome in UNREACHED

    @property
    def worth_another_try(self) -> bool:
        """True for failures that pass.  A name without address, or a bad certificate, stays."""
        return self.failed and self.outcome not in (Outcome.DNS, Outcome.TLS)

    def header(self, name: str, between: str = ", ") -> str:
        """A header's values, joined."""
        return between.join(value for key, value in self.headers if key.lower() == name)


class Client:
    """The HTTP client of one group of hosts; use as an async context manager."""

    def __init__(self, settings: PagesSettings) -> None:
        self._settings = settings
        pdf = ",application/pdf;q=0.7" if "pdf" in settings.content_types else ""
        self._accept = f"text/html,application/xhtml+xml,text/plain;q=0.8{pdf}"

    async def __aenter__(self) -> Client:
        os.environ.setdefault("UV_THREADPOOL_SIZE", _DNS_THREADS)
        allowed = permitted(self._settings.via, self._settings.allow_hosts)
        connector = aiohttp.TCPConnector(
            limit=0,  # hosts take turns, so there are never more than hosts at once
            ttl_dns_cache=_DNS_SECONDS,
            dns_cache_max_size=_DNS_NAMES,
            socket_factory=socket_factory(allowed),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # bodies are archived as they were received
            timeout=aiohttp.ClientTimeout(total=None),
            max_line_size=16_384,
            max_field_size=65_536,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def page(self, url: str, seconds: float) -> Answer:
        """Asks for one page; every failure is an outcome, none an exception."""
        return await self._ask(url, seconds, self._take)

    async def file(self, url: str, most_bytes: int) -> Answer:
        """Asks for a site's own file; the answer's body is its beginning, decompressed.

        `status` is None when it cannot be had or read.
        """
        take = partial(self._beginning, most_bytes)
        answer = await self._ask(url, self._settings.timeout, take)
        if not answer.moved and answer.outcome in UNREACHED | _UNREADABLE:
            answer.status = None
        return answer

    async def _ask(
        self,
        url: str,
        seconds: float,
        take: Callable[[Answer, aiohttp.ClientResponse], Awaitable[None]],
    ) -> Answer:
        answer = Answer(url, url)
        try:
            async with asyncio.timeout(seconds), self._get(url) as response:
                answer.status = response.status
                answer.headers = [(storable(n), storable(v)) for n, v in response.headers.items()]
                answer.request = list(response.request_info.headers.items())
                if response.status in _REDIRECTS:
                    self._redirect(answer)
                elif response.status != 200:
                    special = {404: Outcome.NOT_FOUND, 410: Outcome.GONE}
                    answer.outcome = special.get(response.status, Outcome.HTTP_ERROR)
                    answer.error = f"status {response.status}"
                else:
                    await take(answer, response)
        except TimeoutError:
            answer.outcome = Outcome.TIMEOUT
            answer.error = f"longer than {self._settings.timeout:g} s"
        except TooLargeError as error:
            answer.outcome, answer.error = Outcome.TOO_LARGE, str(error)
        except BadEncodingError as error:
            answer.outcome, answer.error = Outcome.BAD_ENCODING, str(error)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            answer.outcome = _kind_of(error)
            answer.error = storable(f"{type(error).__name__}: {error}"[:300])
        return answer

    async def _beginning(
        self, most_bytes: int, answer: Answer, response: aiohttp.ClientResponse
    ) -> None:
        body = b""
        async for piece in response.content.iter_chunked(_PIECE):
            body += piece
            if len(body) > most_bytes:
                break
        answer.body = unpack(body, answer.header("content-encoding"), 8 * most_bytes)
        answer.outcome = Outcome.OK

    def _redirect(self, answer: Answer) -> None:
        target = repair(urljoin(answer.url, answer.header("location")))
        if target is None:
            answer.outcome, answer.error = Outcome.HTTP_ERROR, "redirect to no web address"
        else:
            answer.moved = target

    async def _take(self, answer: Answer, response: aiohttp.ClientResponse) -> None:
        kind = answer.header("content-type")
        if not is_wanted(kind, self._settings):
            answer.outcome, answer.error = Outcome.CONTENT_TYPE, media_type(kind)[:100]
            return
        body = bytearray()
        async for piece in response.content.iter_chunked(_PIECE):
            body += piece
            if len(body) > self._settings.max_bytes:
                raise TooLargeError(f"more than {self._settings.max_bytes:,} bytes received")
        answer.body = bytes(body)
        headers = {name.lower(): answer.header(name.lower()) for name, _ in answer.headers}
        # Each header names its crawler anew, so they must stay apart.
        headers["x-robots-tag"] = answer.header("x-robots-tag", "\n")
        found = judge(answer.body, headers, self._settings)
        answer.outcome, answer.error, answer.charset, answer.charset_by = found

    def _get(self, url: str) -> aiohttp.client._RequestContextManager:
        headers = {
            "User-Agent": self._settings.agent(),
            "Accept": self._accept,
            "Accept-Language": "en,*;q=0.5",
            "Accept-Encoding": "gzip, deflate, br",
        }
        place = url
        if self._settings.via:
            parts = urlsplit(url)
            headers["Host"] = parts.netloc
            asked = f"?{parts.query}" if parts.query else ""
            place = f"{self._settings.via.rstrip('/')}{parts.path or '/'}{asked}"
        return self._session.get(URL(place, encoded=True), headers=headers, allow_redirects=False)
