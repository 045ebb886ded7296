"""A web server that misbehaves in the way its host name says, for the crawler's tests."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from time import monotonic, time

import brotli

PAGE = b"<html><head><title>A page</title></head><body><p>Words of a page.</p></body></html>"
SECRET = b"<html><body>secret of the inner network</body></html>"


def answer(body: bytes, *headers: str, status: str = "200 OK", kind: str = "text/html") -> bytes:
    """A whole HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    if kind:
        lines.append(f"Content-Type: {kind}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


MISSING = answer(b"", status="404 Not Found")


def rsl(word: str) -> bytes:
    """An RSL licence that permits or prohibits training on all pages of a site."""
    said = f"<license><{word} type='usage'>ai-train</{word}></license>"
    document = f'<rsl xmlns="https://rslstandard.org/rsl"><content url="/">{said}</content></rsl>'
    return answer(document.encode(), kind="application/rsl+xml")


def moved(where: str) -> bytes:
    return answer(b"", f"Location: {where}", status="302 Found")


#: What the host of this name answers to any page.
ANSWERS: dict[str, bytes] = {
    "good.test": answer(PAGE),
    "gzip.test": answer(gzip.compress(PAGE), "Content-Encoding: gzip"),
    "brotli.test": answer(brotli.compress(PAGE), "Content-Encoding: br"),
    "gzip-bomb.test": answer(gzip.compress(bytes(50_000_000)), "Content-Encoding: gzip"),
    "brotli-bomb.test": answer(
        brotli.compress(bytes(200_000_000), quality=1), "Content-Encoding: br"
    ),
    "members-bomb.test": answer(gzip.compress(b"a") * 40_000, "Content-Encoding: gzip"),
    "cut-gzip.test": answer(gzip.compress(PAGE)[:-12], "Content-Encoding: gzip"),
    "not-gzip.test": answer(b"\x1f\x8bnothing of the kind", "Content-Encoding: gzip"),
    "strange-encoding.test": answer(PAGE, "Content-Encoding: rot13"),
    "short.test": answer(PAGE).replace(b"Content-Length: ", b"Content-Length: 9"),
    "two-lengths.test": answer(PAGE, "Content-Length: 3"),
    "no-http.test": b"220 smtp.example ESMTP\r\n",
    "bad-bytes.test": answer(PAGE, kind="text/html; charset=\xff\xfe"),
    "long-header.test": answer(PAGE, "X-Long: " + "x" * 200_000),
    "endless-header.test": b"HTTP/1.1 200 OK\r\n" + b"X-Long: x\r\n" * 100_000,
    "pdf.test": answer(b"%PDF-1.7 ...", kind="text/html"),
    "image.test": answer(b"\x89PNG", kind="image/png"),
    "meta-noai.test": answer(PAGE.replace(b"<head>", b'<head><meta name="robots" content="NOAI">')),
    "header-noarchive.test": answer(PAGE, "X-Robots-Tag: noarchive"),
    "for-others.test": answer(PAGE, "X-Robots-Tag: otherbot: noindex"),
    "header-many.test": answer(
        PAGE, "X-Robots-Tag: otherbot: noindex, noarchive", "X-Robots-Tag: max-snippet: 20, noml"
    ),
    "header-none.test": answer(PAGE, "X-Robots-Tag: none"),
    "meta-for-us.test": answer(
        PAGE.replace(b"<head>", b"<head><meta content='noindex' name=WebText>")
    ),
    "tdm.test": answer(PAGE, "TDM-Reservation: 1"),
    "tdm-meta.test": answer(
        PAGE.replace(b"<head>", b"<head><meta name=tdm-reservation content=1>")
    ),
    "tdm-meta-over-header.test": answer(
        PAGE.replace(b"<head>", b"<head><meta name=tdm-reservation content=0>"),
        "TDM-Reservation: 1",
    ),
    "latin.test": answer(
        "<p>caf\u00e9 d\u00e9j\u00e0".encode("latin-1"), kind="text/html; charset=utf-8"
    ),
    "klingon.test": answer(PAGE, kind="text/html; charset=klingon"),
    "utf-16.test": answer("<p>caf\u00e9".encode("utf-16"), kind="text/html; charset=iso-8859-1"),
    "long-answer.test": answer(PAGE).replace(b"Content-Length: ", b"Content-Length: 1\r\nX: "),
    "headers.test": answer(PAGE, *(f"X-{i}: {i}" for i in range(5_000))),
    "negative.test": answer(PAGE).replace(b"Content-Length: ", b"Content-Length: -"),
    "chunks.test": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nno number\r\n0\r\n\r\n"
    ),
    "meta-storm.test": answer(b"<meta " * 200_000),
    "loop.test": moved("http://loop.test/again"),
    "127.0.0.1": moved("http://127.0.0.2:{port}/inner"),
    "127.0.0.1/to-credentials": moved("http://user:secret@127.0.0.1:{port}/after"),
    "127.0.0.1/sets-cookie": answer(PAGE, "Set-Cookie: session=1; Path=/"),
    "127.0.0.1/z": answer(PAGE),
    "127.0.0.1/after": answer(PAGE),
    "to-reddit.test": moved("https://www.reddit.com/r/all"),
    "to-good.test": moved("http://good.test/there"),
    "to-wait-long.test": moved("http://wait-long.test/there"),
    "to-wait-long.test/good": answer(PAGE),
    "to-wikipedia.test": moved("http://en.wikipedia.org/wiki/Mill"),
    "to-file-name.test": moved("http://good.test/paper.pdf"),
    "to-blocked.test": moved("http://www.blocked.test/"),
    "to-blocked-twice.test": moved("http://to-blocked.test/"),
    "nowhere.test": answer(b"", status="302 Found"),
    "see-other.test": answer(b"", "Location: /there", status="300 Multiple Choices"),
    "see-other.test/there": answer(PAGE),
    "refresh-header.test": answer(PAGE, "Refresh: 0; url=http://good.test/there"),
    "refresh.test": answer(
        PAGE.replace(b"<head>", b"<head><meta http-equiv=refresh content='3;url=/there'>")
    ),
    "refresh.test/there": answer(PAGE.replace(b"Words", b"Other words")),
    "refresh-itself.test": answer(PAGE, "Refresh: 5"),
    "refresh-late.test": answer(PAGE, "Refresh: 600; url=http://good.test/there"),
    "usage.test": answer(PAGE, "Content-Usage: train-ai=n"),
    "signal.test": answer(PAGE, "Content-Signal: ai-train=no"),
    "usage-by-path.test": answer(PAGE),
    "rsl.test": answer(PAGE),
    "rsl-free.test": answer(PAGE),
    "rsl-unread.test": answer(PAGE),
    "rsl-link.test": answer(
        PAGE, 'Link: <http://rsl.test/license.xml>; rel=license; type="application/rsl+xml"'
    ),
    "rsl.test/license.xml": rsl("prohibits"),
    "rsl-free.test/license.xml": rsl("permits"),
    "rsl-unread.test/license.xml": MISSING,
    "to-closed.test": moved("http://closed-by-robots.test/there"),
    "to-file.test": moved("file:///etc/passwd"),
    "missing.test": MISSING,
    "gone.test": answer(b"", status="410 Gone"),
    "teapot.test": answer(b"", status="418 Teapot"),
    "storm-429.test": answer(b"", "Retry-After: 0", status="429 Too Many Requests"),
    "storm-503.test": answer(b"", status="503 Service Unavailable"),
    "wait-long.test": answer(b"", "Retry-After: 86400", status="429 Too Many Requests"),
    "wait-strange.test": answer(b"", "Retry-After: \xb2", status="503 Service Unavailable"),
    "closed-by-robots.test": answer(PAGE),
    "robots-500.test": answer(PAGE),
    "slow-robots.test": answer(PAGE),
    "ai-closed.test": answer(PAGE),
    "crawl-delay.test": answer(PAGE),
    "nan-delay.test": answer(PAGE),
    "rate.test": answer(PAGE),
    "some-delay.test": answer(PAGE),
    "wait-second.test": answer(b"", "Retry-After: 1", status="429 Too Many Requests"),
}

ROBOTS: dict[str, bytes] = {
    "closed-by-robots.test": answer(b"User-agent: *\nDisallow: /\n", kind="text/plain"),
    "usage-by-path.test": answer(
        b"User-agent: *\nContent-Usage: /page train-ai=n\nContent-Usage: train-ai=y\n"
    ),
    **{
        f"{name}.test": answer(b"License: http://%s.test/license.xml\n" % name.encode())
        for name in ("rsl", "rsl-unread")
    },
    "rsl-free.test": answer(b"License: /license.xml\n"),
    "robots-500.test": answer(b"", status="500 Internal Server Error"),
    "ai-closed.test": answer(b"User-agent: GPTBot\nDisallow: /\n", kind="text/plain"),
    "crawl-delay.test": answer(b"User-agent: *\nCrawl-delay: 9999\n", kind="text/plain"),
    "nan-delay.test": answer(b"User-agent: *\nCrawl-delay: nan\n", kind="text/plain"),
    "some-delay.test": answer(b"User-agent: *\nCrawl-delay: 0.3\n", kind="text/plain"),
    "rate.test": answer(b"User-agent: *\nRequest-rate: 4/1\n", kind="text/plain"),
    "robots-far.test": moved("http://robots-near.test/robots.txt"),
    "robots-near.test": answer(b"User-agent: *\nDisallow: /closed\n", kind="text/plain"),
    "robots-around.test": moved("http://robots-around.test/robots.txt"),
    "robots-429.test": answer(b"", status="429 Too Many Requests"),
    "robots-403.test": answer(b"", status="403 Forbidden"),
    "robots-short.test": answer(b"").replace(b"Length: 0", b"Length: 10"),
    "robots-large.test": answer(
        b"User-agent: *\nDisallow: /first\n" + b"#" * 600_000 + b"\nDisallow: /last\n"
    ),
}


#: tdmrep.json of the hosts that have one.
TDMREP: dict[str, bytes] = {
    "tdm-site.test": answer(b'[{"location": "/", "tdm-reservation": 1}]', kind="application/json"),
    "tdm-elsewhere.test": answer(b'[{"location": "/papers/", "tdm-reservation": 1}]'),
    "tdm-rubbish.test": answer(b'{"location": "/", "tdm-reservation": 1}, [[[['),
    "tdm-wait.test": answer(b"", "Retry-After: 86400", status="503 Service Unavailable"),
}


#: Hosts that take this many seconds for a page.
SLOW = {"slow.test": 0.2}
_BEGIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
#: Hosts whose answer never ends: (its beginning, what comes again and again, seconds between).
ENDLESS = {
    "drip.test": (_BEGIN, b"a", 0.05),
    "endless.test": (_BEGIN, b"a" * 65_536, 0.0),
    "drip-header.test": (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a", 0.05),
    "continue.test": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, 0.01),
}


def own_robots(host: str) -> bytes:
    """The robots.txt of `many-7.test`, unlike that of any other; every third shuts out all."""
    if not host.startswith("many-"):
        return MISSING
    number = int(host.removeprefix("many-").removesuffix(".test"))
    shut = "/" if number % 3 == 0 else f"/other-{number}"
    return answer(f"User-agent: *\nDisallow: {shut}\n".encode(), kind="text/plain")


class HostileServer:
    """Serves on loopback in a thread of its own; notes who asked for what."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.times: list[float] = []
        self.connections = 0
        #: Hosts whose pages break off the connection, until they are taken out.
        self.away = {"comes-back.test"}
        self.heads: list[str] = []
        self.together: dict[str, int] = defaultdict(int)
        self.most_together: dict[str, int] = defaultdict(int)
        self.port = 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def asked_of(self, host: str) -> list[str]:
        return [path for name, path in self.asked if name == host]

    def gaps(self, host: str, path: str = "") -> list[float]:
        """Seconds between two requests to a host, robots.txt and the like included."""
        both = zip(self.asked, self.times, strict=True)
        times = [when for (name, asked), when in both if name == host and asked.startswith(path)]
        return [later - earlier for earlier, later in itertools.pairwise(times)]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
                path = head.split(" ", 2)[1]
                host = head.lower().split("\r\nhost: ")[1].split("\r\n")[0]
                self.times.append(monotonic())
                self.asked.append((host, path))
                self.heads.append(head)
                self.together[host] += 1
                self.most_together[host] = max(self.most_together[host], self.together[host])
                try:
                    await self._answer(host, path, writer)
                finally:
                    self.together[host] -= 1
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, host: str, path: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.002)  # so that requests to one host would overlap if they could
        if path == "/robots.txt":
            if host == "slow-robots.test":
                await asyncio.sleep(10_000)
            writer.write(ROBOTS.get(host) or own_robots(host))
        elif path == "/.well-known/tdmrep.json":
            writer.write(TDMREP.get(host, MISSING))
        elif host in ENDLESS:
            first, more, pause = ENDLESS[host]
            writer.write(first)
            while True:
                writer.write(more)
                await writer.drain()
                await asyncio.sleep(pause)
        elif host == "closed-early.test":
            writer.write(ANSWERS["short.test"])
            raise ConnectionResetError
        elif host == "reset.test" or host in self.away:
            writer.transport.abort()
            raise ConnectionResetError
        elif host == "rests.test" and self.asked_of(host).count(path) == 1:
            writer.write(answer(b"", "Retry-After: 1", status="503 Service Unavailable"))
        elif host == "dated.test" and len(self.asked_of(host)) <= 2:  # robots.txt, first try
            date = formatdate(time() + 1, usegmt=True)
            said = answer(b"", f"Retry-After: {date}", status="503 Service Unavailable")
            writer.write(said)
        else:
            name = host.partition(":")[0]
            await asyncio.sleep(SLOW.get(name, 0.0))
            said = ANSWERS.get(name + path) or ANSWERS.get(name, ANSWERS["good.test"])
            if name == "hops.test" and path != "/0":
                said = moved(f"/{int(path[1:]) - 1}")
            elif name.startswith("to-shared"):
                said = moved(f"http://shared.test/{name}{path}")
            writer.write(said.replace(b"{port}", str(self.port).encode()))
        await writer.drain()


@contextmanager
def hostile_server() -> Iterator[HostileServer]:
    """A running server; it ends with the block."""
    server, loop = HostileServer(), asyncio.new_event_loop()
    listening = loop.run_until_complete(asyncio.start_server(server._serve, "127.0.0.1", 0))
    server.port = listening.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        listening.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()
