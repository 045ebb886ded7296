"""A web server on loopback with a different page at each path, which notes what it was asked."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class PageServer(ThreadingHTTPServer):
    """Serves `/N` for every host; every tenth page is the same, every third compressed."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def pages_asked(self) -> list[str]:
        return [path for path in self.asked if path[1:].isdigit()]

    def handle_error(self, *_: object) -> None:
        """Says nothing: clients are killed here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: PageServer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if not self.path[1:].isdigit():
            return self._send(404, b"", {})
        number = int(self.path[1:])
        name = "a page that many addresses show" if number % 10 == 0 else f"page {number}, naïve"
        body = f"<html><title>{name}</title><body>{name * 40}</body></html>".encode()
        headers = {"Content-Type": "text/html; charset=utf-8", "Set-Cookie": "a=b"}
        if number % 3 == 0:
            body, headers["Content-Encoding"] = gzip.compress(body, mtime=0), "gzip"
        return self._send(200, body, headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def page_server() -> Iterator[PageServer]:
    """A running server; it ends with the block."""
    server = PageServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
