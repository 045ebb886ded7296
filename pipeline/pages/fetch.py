"""One request of a crawl and what it comes to; redirects are answers, followed by the caller."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass, field

from pipeline.pages.guard import RefusedAddressError, permitted
from pipeline.pages.http.client import Client
from pipeline.pages.http.connect import NoAddressError
from pipeline.pages.http.exchange import Exchange, Origin, Request
from pipeline.pages.http.memory import Memory, Share
from pipeline.pages.outcomes import Outcome, is_passing
from pipeline.pages.preferences.page import FindLicense
from pipeline.pages.preferences.preference import Preference
from pipeline.pages.screen import is_wanted, media_type, screen_body
from pipeline.pages.settings import PagesSettings
from pipeline.store.addresses import resolve
from pipeline.store.content_coding import BadEncodingError, TooLargeError, unpack
from pipeline.store.http_answer import AnswerHead, Headers, NoHttpError
from pipeline.store.media_type import kind_of

_SPECIAL = {404: Outcome.NOT_FOUND, 410: Outcome.GONE}
#: What is read of an answer that is no page, so that its connection can be used again.
_OTHER_BYTES = 1 << 16
#: By so many bytes a body under a label that says nothing is told from a page.
_ENOUGH_TO_TELL = 2_048
_MOST_EXPANSION = 8  # times the size of a site's own file as received


def _kind_of(error: Exception) -> Outcome:
    """Which step towards an answer failed."""
    kinds: dict[type[Exception], Outcome] = {
        RefusedAddressError: Outcome.REFUSED_ADDRESS,
        NoAddressError: Outcome.DNS,
        ssl.SSLError: Outcome.TLS,
        TimeoutError: Outcome.TIMEOUT,
    }
    return next((out for kind, out in kinds.items() if isinstance(error, kind)), Outcome.CONNECTION)


@dataclass
class Answer:
    """What came back for a link, whether a page or not."""

    url: str
    final_url: str = ""
    outcome: Outcome = Outcome.CONNECTION
    exchange: Exchange | None = None
    moved: str = ""  # where a redirect leads
    refused: bool = False  # nothing was asked: what is known of the host forbids it
    error: str = ""
    charset: str = ""
    charset_by: str = ""  # how it was chosen (`decode.Decoded`)
    preference: Preference | None = None
    #: Whether more should have come: the connection broke, or the length was wrong.
    cut: bool = False
    #: The content coding that the body has; None where its label is believed.
    coding: str | None = None
    #: Licences that the page names and that were not asked for.
    licenses: tuple[str, ...] = ()
    #: How often a site's own file was asked for.
    attempts: int = 0
    fetched_at: int = 0  # seconds since 1970
    #: The redirects on the way to it, in their order.
    hops: list[Answer] = field(default_factory=list)

    @property
    def status(self) -> int | None:
        """The status, None without an answer."""
        return self.exchange.head.status if self.exchange else None

    @property
    def headers(self) -> Headers:
        """The headers; none without an answer."""
        return self.exchange.head.headers if self.exchange else Headers()

    @property
    def body(self) -> bytes:
        """The body as received, without chunks."""
        return self.exchange.body if self.exchange else b""

    @property
    def failed(self) -> bool:
        """True when the host, not the page, is at fault: the network, 429, passing 5xx."""
        if self.moved or self.refused:
            return False
        return is_passing(self.outcome, self.status)

    @property
    def worth_another_try(self) -> bool:
        """True for failures that may pass at once; a bad certificate stays for the day."""
        return self.failed and self.outcome != Outcome.TLS


class _PageBody:
    """What is wanted of a page: all of it, if it may be of text."""

    def __init__(self, settings: PagesSettings) -> None:
        self._settings = settings

    def most_bytes(self, head: AnswerHead) -> int:
        """The cap of a page, or little of an answer that is none."""
        if is_page(head.status) and is_wanted(head.headers, self._settings):
            return self._settings.max_bytes
        return _OTHER_BYTES

    def enough(self, head: AnswerHead, body: bytearray) -> bool:
        """Of what its label does not tell, the beginning shows whether it is wanted."""
        if head.headers.values("content-encoding") or len(body) < _ENOUGH_TO_TELL:
            return False
        kind = kind_of(media_type(head.headers), bytes(body[:_ENOUGH_TO_TELL]))
        return is_page(head.status) and kind not in self._settings.content_types


class _Beginning:
    """What is wanted of a site's own file: its beginning."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes

    def most_bytes(self, head: AnswerHead) -> int:
        """So many bytes, whatever it is."""
        return self._most_bytes

    def enough(self, head: AnswerHead, body: bytearray) -> bool:
        """All up to the cap."""
        return False


def is_page(status: int) -> bool:
    """Whether an answer of this status holds the page: 2xx but those without a body."""
    return 200 <= status < 300 and status not in (204, 205)


def _redirects(answer: Answer) -> bool:
    """Whether an answer leads elsewhere: 3xx but 304, which says that nothing has changed."""
    return answer.status in range(300, 400) and answer.status != 304


def file_text(answer: Answer) -> bytes | None:
    """A site's own file, decompressed; None where it cannot be had or read."""
    exchange = answer.exchange
    if exchange is None or answer.outcome == Outcome.TIMEOUT:
        return None
    limit = _MOST_EXPANSION * max(len(exchange.body), _OTHER_BYTES)
    try:
        return unpack(exchange.body, answer.headers.joined("content-encoding"), limit).data
    except (BadEncodingError, TooLargeError):
        return None


class Fetcher:
    """Asks for pages and for sites' own files; use as an async context manager."""

    def __init__(self, settings: PagesSettings) -> None:
        self._settings = settings
        self._client = Client(permitted(settings.via, settings.allow_hosts))
        self._via = Origin.of(settings.via) if settings.via else None
        self.memory = Memory(settings.memory_mb << 20)
        pdf = ",application/pdf;q=0.7" if "pdf" in settings.content_types else ""
        self._headers = (
            ("User-Agent", settings.agent()),
            ("Accept", f"text/html,application/xhtml+xml,text/plain;q=0.8{pdf},*/*;q=0.1"),
            ("Accept-Language", "en,*;q=0.5"),
            ("Accept-Encoding", "gzip, deflate"),  # what every reader of archives unpacks
        )

    async def __aenter__(self) -> Fetcher:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._client.close()

    async def page(self, url: str, seconds: float, cookie: str, share: Share) -> Answer:
        """Asks for one page; every failure is an outcome, none an exception."""
        answer = await self._ask(url, seconds, cookie, _PageBody(self._settings), share)
        exchange = answer.exchange
        if exchange is None:
            return answer
        status = exchange.head.status
        if _redirects(answer):
            self._redirect(answer)
        elif not is_page(status):
            answer.outcome = _SPECIAL.get(status, Outcome.HTTP_ERROR)
            answer.error = f"status {status}"
        elif not is_wanted(answer.headers, self._settings):
            answer.outcome = Outcome.CONTENT_TYPE
            answer.error = answer.headers.joined("content-type")[:100]
        elif exchange.too_large:
            answer.outcome = Outcome.TOO_LARGE
            answer.error = f"more than {self._settings.max_bytes:,} bytes received"
        else:
            self.screen(answer, None)
        return answer

    async def file(self, url: str, most_bytes: int) -> Answer:
        """Asks for a site's own file; `file_text` gives the beginning of what came."""
        seconds = self._settings.timeout
        with self.memory.share() as share:
            answer = await self._ask(url, seconds, "", _Beginning(most_bytes), share)
        exchange = answer.exchange
        if exchange is None:
            return answer
        status = exchange.head.status
        answer.outcome = _SPECIAL.get(status, Outcome.HTTP_ERROR)
        if _redirects(answer) and answer.headers.values("location"):
            self._redirect(answer)
        elif is_page(status):
            answer.outcome = Outcome.TIMEOUT if exchange.late else Outcome.OK
        return answer

    def _redirect(self, answer: Answer) -> None:
        location = answer.headers.values("location")
        target = resolve(answer.url, location[0]) if location else None
        if target is None:
            answer.outcome = Outcome.HTTP_ERROR
            answer.error = f"status {answer.status}, which leads to no web address"
        else:
            answer.moved = target

    def screen(self, answer: Answer, find_license: FindLicense | None) -> None:
        """What the body of an answer with a page comes to."""
        exchange = answer.exchange
        if exchange is None:
            return
        judged = screen_body(
            answer.final_url, answer.headers, exchange.body, self._settings, find_license
        )
        answer.outcome, answer.error = judged.outcome, judged.error
        answer.charset, answer.charset_by = judged.charset, judged.charset_by
        answer.preference, answer.licenses = judged.preference, judged.licenses
        answer.coding = judged.coding
        cut = not judged.closed and (judged.cut or not exchange.whole)
        if cut and judged.outcome == Outcome.BAD_ENCODING:
            self._cut(answer, exchange)
        if judged.outcome != Outcome.OK:
            return
        if judged.refresh and judged.refresh != answer.final_url:
            answer.moved = judged.refresh
        elif cut:
            self._cut(answer, exchange)

    def _cut(self, answer: Answer, exchange: Exchange) -> None:
        """More should have come."""
        answer.cut = True
        answer.outcome = Outcome.TIMEOUT if exchange.late else Outcome.CONNECTION
        answer.error = f"cut after {len(exchange.body):,} bytes"

    async def _ask(
        self, url: str, seconds: float, cookie: str, wanted: _PageBody | _Beginning, share: Share
    ) -> Answer:
        answer = Answer(url, url, fetched_at=int(time.time()))
        headers = (*self._headers, ("Cookie", cookie)) if cookie else self._headers
        origin = self._via or Origin.of(url)
        try:
            answer.exchange = await self._client.get(
                origin, Request.of(url, headers), wanted, share, seconds
            )
        except TimeoutError:
            answer.outcome = Outcome.TIMEOUT
            answer.error = f"longer than {self._settings.timeout:g} s"
        except (NoHttpError, OSError) as error:
            answer.outcome = _kind_of(error)
            answer.error = f"{type(error).__name__}: {error}"[:300]
        return answer
