"""The client's connections: kept, closed, cut, of HTTP/2 alone; and how much of bodies it holds."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived

from pipeline.pages.http.client import Client
from pipeline.pages.http.connect import _tls_context
from pipeline.pages.http.cookies import ChainCookies
from pipeline.pages.http.exchange import Exchange, Origin, Request
from pipeline.pages.http.memory import FREE, Memory
from pipeline.store.http_answer import AnswerHead, Headers

from .certificate import CERTIFICATE
from .raw_server import Serve, serving

PAGE = b"<html><body>words of a page</body></html>"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(PAGE), PAGE)


class Whole:
    """All of an answer is wanted."""

    def most_bytes(self, head: AnswerHead) -> int:
        return 10_000_000

    def enough(self, head: AnswerHead, body: bytearray) -> bool:
        return False


def ask(url: str, times: int = 1, memory: int = 1 << 20) -> list[Exchange]:
    """The answers to one request after the other, of one client."""

    async def run() -> list[Exchange]:
        origin = Origin.of(url)
        client = Client({("127.0.0.1", origin.port)})
        found = []
        for _ in range(times):
            with Memory(memory).share() as share:
                request = Request.of(url, (("User-Agent", "test"),))
                found.append(await client.get(origin, request, Whole(), share, 5.0))
        await client.close()
        return found

    return asyncio.run(run())


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The certificate of the tests, which the client trusts meanwhile."""
    path = tmp_path / "server.pem"
    path.write_text(CERTIFICATE)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    _tls_context.cache_clear()
    yield path
    _tls_context.cache_clear()


def context(certificate: Path, *speaks: str) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate)
    made.set_alpn_protocols(list(speaks))
    return made


def test_a_request_is_sent_as_it_is_noted() -> None:
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(ANSWER)

    with serving(serve) as port:
        (exchange,) = ask(f"http://127.0.0.1:{port}/a b?x=\u00e9\r\nInjected: 1")
    assert exchange.request == heads[0]
    assert b"\r\nInjected" not in heads[0] and b"GET /a%20b?x=%C3%A9" in heads[0]
    assert (exchange.body, exchange.whole, exchange.address) == (PAGE, True, "127.0.0.1")


def closing(after: int) -> Serve:
    """Answers so many requests of a connection, then closes it without a word."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(after):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER)
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    return serve


def test_a_kept_connection_that_turns_out_to_be_closed() -> None:
    with serving(closing(2)) as port:
        assert [one.body for one in ask(f"http://127.0.0.1:{port}/", times=5)] == [PAGE] * 5


def test_what_nobody_asked_for_is_no_answer() -> None:
    """Bytes behind an answer do not become the next one's."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(ANSWER + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother")

    with serving(serve) as port:
        assert [one.body for one in ask(f"http://127.0.0.1:{port}/", times=3)] == [PAGE] * 3


def test_tls_that_is_cut_ends_a_page(trusted: Path) -> None:
    """Many servers close the connection without saying so in TLS."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + PAGE)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.get_extra_info("socket").shutdown(1)

    with serving(serve, context(trusted, "http/1.1")) as port:
        (exchange,) = ask(f"https://127.0.0.1:{port}/")
    assert exchange.body == PAGE


async def serve_http2(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that knows HTTP/2 alone: whatever comes, it speaks in frames."""
    frames = H2Connection(H2Configuration(client_side=False))
    frames.initiate_connection()
    writer.write(frames.data_to_send())
    try:
        while data := await reader.read(65_536):
            for event in frames.receive_data(data):
                if isinstance(event, RequestReceived):
                    fields = [(":status", "200"), ("content-type", "text/html"), ("x-a", "1")]
                    frames.send_headers(event.stream_id, [*fields, ("x-a", "2")])
                    frames.send_data(event.stream_id, PAGE, end_stream=True)
            writer.write(frames.data_to_send())
    except Exception:  # what came was no HTTP/2
        writer.close()


@pytest.mark.parametrize("tls", [False, True])
def test_a_server_of_http2_alone(trusted: Path, tls: bool) -> None:
    """It is found out once, and remembered."""
    with serving(serve_http2, context(trusted, "h2") if tls else None) as port:
        found = ask(f"http{'s' * tls}://127.0.0.1:{port}/page", times=2)
    for exchange in found:
        assert (exchange.body, exchange.whole, exchange.protocol) == (PAGE, True, "h2")
        assert exchange.head.headers == exchange.head.headers
        assert exchange.head.headers.values("x-a") == ["1", "2"]
        assert exchange.head.status == 200


def test_a_server_that_asks_for_http2_by_its_status() -> None:
    """Where it does not keep its word, what it said stays."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    with serving(serve) as port:
        (exchange,) = ask(f"http://127.0.0.1:{port}/")
    assert (exchange.head.status, exchange.protocol) == (505, "http/1.1")


def test_bodies_in_flight_are_held_within_a_limit() -> None:
    """The others wait, and their senders; each comes whole in the end."""
    size, count, limit = 2_000_000, 8, 3_000_000
    held: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))
        await writer.drain()

    async def run(port: int) -> list[int]:
        origin = Origin(tls=False, host="127.0.0.1", port=port)
        client, memory = Client({("127.0.0.1", port)}), Memory(limit)

        async def one() -> int:
            with memory.share() as share:
                request = Request.of("http://a.test/", ())
                exchange = await client.get(origin, request, Whole(), share, 30.0)
                held.append(memory._held)
                await asyncio.sleep(0.02)  # it is looked at meanwhile
                return len(exchange.body)

        found = await asyncio.gather(*(one() for _ in range(count)))
        await client.close()
        assert memory._held == 0
        return found

    with serving(serve) as port:
        assert asyncio.run(run(port)) == [size] * count
    # One body may go beyond the limit, so that there is always one that can end.
    assert max(held) <= limit + size + count * FREE


def test_a_host_that_drips_does_not_stop_the_others() -> None:
    """What waits for room waits for room, not for a turn."""
    memory = Memory(1_000_000)

    async def run() -> None:
        slow, first, second = (memory.share() for _ in range(3))
        assert slow.fits(900_000)  # and then nothing more comes
        assert not first.fits(400_000)
        await asyncio.wait_for(first.wait(), 1)  # it goes beyond the limit
        assert not second.fits(400_000)
        waiting = asyncio.create_task(second.wait())
        await asyncio.sleep(0)
        assert not waiting.done()
        first.give_back()
        await asyncio.wait_for(waiting, 1)

    asyncio.run(run())


COOKIES = [
    ("http://a.test/", ["s=1"], "http://a.test/x", "s=1"),
    ("http://a.test/", ["s=1; Path=/x", "t=2; HttpOnly; SameSite=Lax"], "http://a.test/y", "t=2"),
    ("http://a.test/", ["s=1; Secure"], "http://a.test/", ""),
    ("https://a.test/", ["s=1; Secure"], "https://a.test/", "s=1"),
    ("http://a.test/", ["s=1"], "http://b.test/", ""),
    ("http://www.a.test/", ["s=1; Domain=a.test"], "http://b.a.test/", "s=1"),
    ("http://www.a.test/", ["s=1; Domain=b.test"], "http://b.test/", ""),
    ("http://a.test/", ["s=1; Max-Age=0"], "http://a.test/", ""),
    ("http://a.test/", ["s=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], "http://a.test/", ""),
    ("http://a.test/", ["", "=", ";;;"], "http://a.test/", ""),
    ("http://a.test/", ["s=" + "x" * 10_000], "http://a.test/", ""),
]


@pytest.mark.parametrize(("at", "values", "then", "sent"), COOKIES)
def test_cookies(at: str, values: list[str], then: str, sent: str) -> None:
    cookies = ChainCookies()
    cookies.take(at, Headers([("Set-Cookie", value) for value in values]))
    assert cookies.header(then) == sent
