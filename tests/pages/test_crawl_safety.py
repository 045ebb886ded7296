"""Where the crawler does not go, and what it does not send."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .certificate import CERTIFICATE
from .crawling import GIVES_UP, ends, open_web, outcomes, settings
from .hostile_server import SLOW, HostileServer, hostile_server


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    with hostile_server() as running:
        yield running


@contextmanager
def greeting_server(certificate: Path | None) -> Iterator[int]:
    """The port of a server that greets as mail servers do, by TLS where it has a certificate."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp.example ESMTP\r\n")

    loop = asyncio.new_event_loop()
    listening = loop.run_until_complete(asyncio.start_server(greet, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        listening.close()
        loop.close()


def test_bad_tls(tmp_path: Path) -> None:
    """A certificate that nobody signed, and a port where no TLS is spoken."""
    certificate = tmp_path / "server.pem"
    certificate.write_text(CERTIFICATE)
    with greeting_server(certificate) as secure, greeting_server(None) as plain:
        places = [f"127.0.0.1:{port}" for port in (secure, plain)]
        urls = [f"https://{place}/page" for place in places]
        assert outcomes(urls, open_web(allow_hosts=tuple(places))) == ["tls", "tls"]


def test_a_name_without_address_and_a_port_where_nobody_listens() -> None:
    urls = ["http://no-such-name.invalid/page", "http://127.0.0.1:9/page"]
    assert outcomes(urls, open_web(allow_hosts=("127.0.0.1:9",))) == ["dns", "connection"]


def test_the_inner_network_is_out_of_reach(server: HostileServer) -> None:
    """Without `via` only the guard stands between a literal or a name and loopback."""
    urls = [
        f"http://127.0.0.1:{server.port}/",
        f"http://localhost:{server.port}/",
        f"http://[::1]:{server.port}/",
        f"http://[::ffff:127.0.0.1]:{server.port}/",
        f"http://[::127.0.0.1]:{server.port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
    ]
    before = len(server.asked)
    assert set(outcomes(urls, open_web())) == {"refused_address"}
    assert len(server.asked) == before


def test_a_name_that_changes_its_answer(
    server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rebinding: a public address when looked at, an inner one when connected to."""
    asked: list[str] = []

    def rebinding(host: str, port: int, *_: object, **__: object) -> list[tuple[Any, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr("pipeline.pages.crawl.loop_factory", lambda: asyncio.SelectorEventLoop)
    monkeypatch.setattr("socket.getaddrinfo", rebinding)
    urls = [f"http://rebinding.example:{server.port}/", "http://rebinding.example/"]
    before = len(server.asked)
    assert outcomes(urls, open_web()) == ["refused_address"] * 2
    assert asked and len(server.asked) == before


def test_a_redirect_to_an_address_that_is_not_allowed(server: HostileServer) -> None:
    allowed, literal = f"localhost:{server.port}", f"127.0.0.1:{server.port}"
    urls = [f"http://{place}/page" for place in (allowed, literal)]
    found = ends(urls, open_web(allow_hosts=(allowed, literal)))
    assert found[urls[0]].answer.outcome == "ok"
    ended = found[urls[1]].answer
    assert ended.outcome == "refused_address"
    assert ended.final_url == f"http://127.0.0.2:{server.port}/inner"
    assert not any(path == "/inner" for _, path in server.asked)


def test_ten_redirects_and_no_more(server: HostileServer) -> None:
    urls = ["http://hops.test/10", "http://hops.test/11"]
    assert outcomes(urls, settings(server)) == ["ok", "redirect_loop"]
    assert outcomes(urls, settings(server, max_redirects=0)) == ["redirect_loop"] * 2


def test_a_redirect_shares_the_time_of_its_page(server: HostileServer) -> None:
    """Each answer comes in time; all together do not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SLOW, "hops.test", GIVES_UP / 4)
        chosen = settings(server, timeout=GIVES_UP, attempts=1)
        assert outcomes(["http://hops.test/5"], chosen) == ["timeout"]


def test_no_cookies_and_no_credentials_are_sent(
    server: HostileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither those a page sets, nor those of a redirect's address, nor the user's own."""
    (tmp_path / "netrc").write_text("default login user password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    place = f"127.0.0.1:{server.port}"
    urls = [f"http://{place}/to-credentials", f"http://{place}/sets-cookie", f"http://{place}/z"]
    before = len(server.heads)
    found = ends(urls, open_web(allow_hosts=(place,)))
    assert found[urls[0]].answer.final_url == f"http://{place}/after"
    said = "".join(server.heads[before:]).lower()
    assert "/after" in said and "/z" in said
    assert all(word not in said for word in ("cookie:", "authorization:", "referer:"))
