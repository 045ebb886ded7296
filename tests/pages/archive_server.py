"""A server on loopback that stands for Common Crawl's archives and for the Wayback Machine.

Ranges of a file as CloudFront serves them, the CDX server's rows, raw captures with the
original headers under a prefix, and what both do to those who ask too much: 429, 503, 403.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit


class Snapshot(NamedTuple):
    """A capture that the Wayback Machine has."""

    stamp: str
    url: str
    body: bytes
    headers: dict[str, str]
    status: int = 200


class ArchiveServer(ThreadingHTTPServer):
    """`files` by path, `snapshots`; `refusals` are answered first, each (status, Retry-After)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.snapshots: list[Snapshot] = []
        self.refusals: list[tuple[int, str]] = []
        self.asked: list[tuple[float, str, str]] = []  # when, path, range
        self.agents: set[str] = set()
        self.connections = 0
        self.together = self.most_together = 0
        self.ignores_ranges = False
        self.excluded: set[str] = set()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Says nothing."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ArchiveServer

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_GET(self) -> None:
        server, asked = self.server, self.headers.get("Range", "")
        server.asked.append((time.monotonic(), self.path, asked))
        server.agents.add(self.headers["User-Agent"])
        server.together += 1
        server.most_together = max(server.most_together, server.together)
        try:
            if server.refusals:
                status, wait = server.refusals.pop(0)
                if status == 0:
                    self.close_connection = True
                    self.connection.close()
                    return
                self._send(status, b"Slow Down", {"Retry-After": wait} if wait else {})
            elif self.path.startswith("/cdx/search/cdx?"):
                self._index()
            elif self.path.startswith("/web/"):
                self._capture()
            else:
                self._range(asked)
        finally:
            server.together -= 1

    def _range(self, asked: str) -> None:
        data = self.server.files.get(self.path[1:])
        if data is None:
            return self._send(404, b"NoSuchKey", {})
        if self.server.ignores_ranges or not asked:
            return self._send(200, data, {})
        start, end = (int(text) for text in asked.removeprefix("bytes=").split("-"))
        if start >= len(data):
            return self._send(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        piece = data[start : end + 1]
        place = f"bytes {start}-{start + len(piece) - 1}/{len(data)}"
        return self._send(206, piece, {"Content-Range": place})

    def _index(self) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        if asked["url"] in self.server.excluded:
            return self._send(403, b"AdministrativeAccessControlException", {})
        assert asked["filter"] == "statuscode:200" and asked["output"] == "json"
        found = [
            (shot.stamp, shot.url, "DIGEST")
            for shot in self.server.snapshots
            if _surt(shot.url) == _surt(asked["url"]) and shot.status == 200
        ]
        limit = int(asked["limit"])
        if asked.get("sort") == "closest":
            found.sort(key=lambda row: abs(int(row[0]) - int(asked["closest"])))
            found = found[:limit]
        else:
            found = sorted(found)[limit:]
        rows = [asked["fl"].split(","), *found] if found else []
        return self._send(200, json.dumps(rows).encode(), {"Content-Type": "application/json"})

    def _capture(self) -> None:
        stamp, _, url = self.path.removeprefix("/web/").partition("id_/")
        for shot in self.server.snapshots:
            if (shot.stamp, shot.url) == (stamp, url):
                moved = shot.headers.get("Moved")
                if moved:
                    return self._send(302, b"", {"Location": f"/web/{moved}id_/{url}"})
                told = {f"x-archive-orig-{n}": value for n, value in shot.headers.items()}
                kept = {
                    name: value
                    for name, value in shot.headers.items()
                    if name.lower() in ("content-type", "content-encoding")
                }
                return self._send(shot.status, shot.body, kept | told | {"server": "nginx"})
        return self._send(404, b"", {})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def _surt(url: str) -> str:
    """The index takes addresses for one that differ in scheme, `www.` and case."""
    return url.lower().partition("://")[2].removeprefix("www.").rstrip("/")


@contextmanager
def archive_server() -> Iterator[ArchiveServer]:
    """A running server; it ends with the block."""
    server = ArchiveServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
