"""An HTTP server on loopback that answers late, as an object store does: ranges, ETags, listings.

    python -m benchmarks.range_server FOLDER --latency 0.03

prints its address.  `benchmarks/stream.py` and the tests of `trainer/data` read shards from it.
"""

from __future__ import annotations

import argparse
import html
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote


@dataclass
class Behaviour:
    """How the server answers, and what it was asked."""

    #: Seconds before each answer.
    latency: float = 0.0
    #: Every n-th request gets a 503; 0: none.
    fail_every: int = 0
    #: Every n-th body ends in the middle; 0: none.
    cut_every: int = 0
    #: Whether what failed or was cut once is whole the next time.
    once: bool = False
    failed: set[tuple[str, str]] = field(default_factory=set)
    requests: int = 0
    #: Ranges of each path, as (first, last) byte.
    ranges: list[tuple[str, int, int]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, root: Path, behaviour: Behaviour, *arguments: object) -> None:
        self.root, self.behaviour = root, behaviour
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        time.sleep(self.behaviour.latency)
        with self.behaviour.lock:
            self.behaviour.requests += 1
            number = self.behaviour.requests
        path = self.root / unquote(self.path).strip("/")
        wanted = (self.path, self.headers.get("Range", ""))
        every = self.behaviour.fail_every or self.behaviour.cut_every
        spared = self.behaviour.once and wanted in self.behaviour.failed
        wrong = every > 0 and number % every == 0 and not spared
        if wrong:
            self.behaviour.failed.add(wanted)
        if wrong and self.behaviour.fail_every:
            self._send(503, b"", body)
        elif path.is_dir():
            names = (f"{p.name}/" if p.is_dir() else p.name for p in sorted(path.iterdir()))
            base = self.path.rstrip("/")
            links = "".join(f'<a href="{base}/{html.escape(n)}">{n}</a>\n' for n in names)
            self._send(200, links.encode(), body, {"Content-Type": "text/html"})
        elif path.is_file():
            self._file(path, body, wrong)
        else:
            self._send(404, b"", body)

    def _file(self, path: Path, body: bool, cut: bool) -> None:
        said = path.stat()
        headers = {
            "ETag": f'"{said.st_ino:x}-{said.st_size:x}-{said.st_mtime_ns:x}"',
            "Accept-Ranges": "bytes",
        }
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        first, last = (int(n) for n in asked.groups()) if asked else (0, said.st_size - 1)
        last = min(last, said.st_size - 1)
        if asked and first > last:
            self._send(416, b"", body, {"Content-Range": f"bytes */{said.st_size}"})
            return
        if asked:
            headers["Content-Range"] = f"bytes {first}-{last}/{said.st_size}"
            with self.behaviour.lock:
                self.behaviour.ranges.append((path.name, first, last))
        content = b""
        if body:
            with path.open("rb") as stream:
                stream.seek(first)
                content = stream.read(last - first + 1)
        self._send(206 if asked else 200, content, body, headers, last - first + 1, cut)

    def _send(
        self,
        status: int,
        content: bytes,
        body: bool,
        headers: dict[str, str] | None = None,
        length: int | None = None,
        cut: bool = False,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        if body:
            self.wfile.write(content[: len(content) // 2] if cut else content)
        if cut:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def serve(root: Path, behaviour: Behaviour) -> Iterator[str]:
    """Serves `root` on a free port of loopback; yields the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, root, behaviour))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--latency", type=float, default=0.0)
    arguments = parser.parse_args()
    with serve(arguments.folder, Behaviour(latency=arguments.latency)) as address:
        print(address, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
