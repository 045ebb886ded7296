"""One request over HTTP with caps on everything; redirects are answers, followed by the caller."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from pipeline.links.urls import repair
from pipeline.pages.decode import BadEncodingError, TooLargeError, unpack
from pipeline.pages.guard import permitted, socket_factory, was_refused
from pipeline.pages.judge import is_text, judge, media_type
from pipeline.pages.outcomes import Outcome
from pipeline.pages.settings import PagesSettings

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
_PIECE = 1 << 16


def storable(text: str) -> str:
    """Text that can be stored as UTF-8: headers carry other bytes as lone surrogates."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


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
    error: str = ""
    charset: str = ""
    charset_by: str = ""  # how it was chosen (`decode.Decoded`)

    @property
    def worth_another_try(self) -> bool:
        """True for time-outs, broken connections, 429 and passing server errors."""
        if self.outcome in (Outcome.TIMEOUT, Outcome.CONNECTION):
            return True
        return self.outcome == Outcome.HTTP_ERROR and self.status in _RETRIED

    def header(self, name: str) -> str:
        """A header's values, joined by commas."""
        return ", ".join(value for key, value in self.headers if key.lower() == name)


class Client:
    """The HTTP client of one group of hosts; use as an async context manager."""

    def __init__(self, settings: PagesSettings) -> None:
        self._settings = settings

    async def __aenter__(self) -> Client:
        allowed = permitted(self._settings.via, self._settings.allow_hosts)
        connector = aiohttp.TCPConnector(
            limit=self._settings.hosts_at_once,
            ttl_dns_cache=300,
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
        """Asks for one address; every failure is an outcome, none an exception."""
        answer = Answer(url, url)
        try:
            async with asyncio.timeout(seconds), self._get(url) as response:
                answer.status = response.status
                answer.headers = [(storable(n), storable(v)) for n, v in response.headers.items()]
                answer.request = list(response.request_info.headers.items())
                if response.status in _REDIRECTS:
                    self._redirect(answer)
                else:
                    await self._take(answer, response)
        except TimeoutError:
            answer.outcome = Outcome.TIMEOUT
            answer.error = f"longer than {self._settings.deadline:g} s"
        except TooLargeError as error:
            answer.outcome, answer.error = Outcome.TOO_LARGE, str(error)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            answer.outcome = Outcome.REFUSED_ADDRESS if was_refused(error) else Outcome.CONNECTION
            answer.error = storable(f"{type(error).__name__}: {error}"[:300])
        return answer

    async def small(self, url: str, most_bytes: int) -> tuple[int, bytes]:
        """(status, first bytes decompressed) of a site's own file, over at most 5 redirects.

        Raises OSError (TimeoutError included) when it cannot be had.
        """
        try:
            async with asyncio.timeout(self._settings.deadline):
                for _ in range(6):
                    async with self._get(url) as response:
                        if response.status not in _REDIRECTS:
                            return response.status, await self._beginning(response, most_bytes)
                        target = repair(urljoin(url, response.headers.get("Location", "")))
                    if target is None:
                        break
                    url = target
        except (aiohttp.ClientError, ValueError) as error:
            raise OSError(str(error)) from error
        raise OSError("too many redirects")

    async def _beginning(self, response: aiohttp.ClientResponse, most_bytes: int) -> bytes:
        body = b""
        async for piece in response.content.iter_chunked(_PIECE):
            body += piece
            if len(body) > most_bytes:
                break
        try:
            return unpack(body, response.headers.get("Content-Encoding", ""), 8 * most_bytes)
        except (BadEncodingError, TooLargeError) as error:
            raise OSError(str(error)) from None

    def _redirect(self, answer: Answer) -> None:
        target = repair(urljoin(answer.url, answer.header("location")))
        if target is None:
            answer.outcome, answer.error = Outcome.HTTP_ERROR, "redirect to no web address"
        else:
            answer.moved = target

    async def _take(self, answer: Answer, response: aiohttp.ClientResponse) -> None:
        if response.status != 200:
            special = {404: Outcome.NOT_FOUND, 410: Outcome.GONE}
            answer.outcome = special.get(response.status, Outcome.HTTP_ERROR)
            answer.error = f"status {response.status}"
            return
        kind = answer.header("content-type")
        if not is_text(kind):
            answer.outcome, answer.error = Outcome.CONTENT_TYPE, media_type(kind)[:100]
            return
        body = bytearray()
        async for piece in response.content.iter_chunked(_PIECE):
            body += piece
            if len(body) > self._settings.max_bytes:
                raise TooLargeError(f"more than {self._settings.max_bytes:,} bytes received")
        answer.body = bytes(body)
        headers = {name.lower(): answer.header(name.lower()) for name, _ in answer.headers}
        found = judge(answer.body, headers, self._settings)
        answer.outcome, answer.error, answer.charset, answer.charset_by = found

    def _get(self, url: str) -> aiohttp.client._RequestContextManager:
        headers = {
            "User-Agent": self._settings.agent(),
            "Accept": "text/html,application/xhtml+xml,text/plain;q=0.8",
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
