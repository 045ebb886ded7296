"""A server on loopback that speaks OAuth and listings as Reddit does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

#: In the environment it lets PRAW talk to another server than Reddit's.
OVERRIDE = ("PRAW_ALLOW_ENDPOINT_OVERRIDE", "1")


class Reddit(ThreadingHTTPServer):
    """Recorded posts behind Reddit's own paths; `refuse` answers come before the good ones.

    A 0 in `refuse` lets one request pass.
    """

    def __init__(self, posts: list[dict[str, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.posts, self.refuse, self.asked = posts, [], []
        self.retry_after = "0"


class _Handler(BaseHTTPRequestHandler):
    server: Reddit

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Authorization"].startswith("Basic ")
        self._say(
            200, {"access_token": "t", "expires_in": 3600, "token_type": "bearer", "scope": "*"}
        )

    def do_GET(self) -> None:
        assert self.headers["Authorization"] == "bearer t"
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.server.asked.append((parts.path, query))
        if self.server.refuse and (status := self.server.refuse.pop(0)):
            self._say(status, {"error": "wait"}, {"Retry-After": self.server.retry_after})
        elif parts.path == "/r/private/top":
            self._say(403, {"reason": "private"})
        elif parts.path == "/api/info":
            names = query["id"].split(",")
            self._listing([p for p in self.server.posts if p["name"] in names], None)
        else:
            names = [p["name"] for p in self.server.posts]
            start = names.index(query["after"]) + 1 if "after" in query else 0
            page = self.server.posts[start : start + int(query["limit"])]
            more = start + len(page) < len(names)
            self._listing(page, page[-1]["name"] if more else None)

    def _listing(self, posts: list[dict[str, Any]], after: str | None) -> None:
        children = [{"kind": "t3", "data": post} for post in posts]
        self._say(200, {"kind": "Listing", "data": {"children": children, "after": after}})

    def _say(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def serve_reddit(posts: list[dict[str, Any]], folder: Path) -> Iterator[Reddit]:
    """The server, and a praw.ini in `folder` that leads to it."""
    with Reddit(posts) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"http://127.0.0.1:{server.server_port}"
        (folder / "praw.ini").write_text(
            f"[DEFAULT]\nclient_id=i\nclient_secret=s\nuser_agent=test\n"
            f"reddit_url={place}\noauth_url={place}\n"
        )
        yield server
        server.shutdown()
