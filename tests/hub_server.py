"""A Hugging Face Hub on loopback: repositories in memory, by the calls of its public API.

Large files come by the basic transfer of Git LFS.  Xet, by which the real hub takes them too, is
not spoken here: switch it off with HF_HUB_DISABLE_XET.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml

TOKEN = "hf_aSecretThatNobodyMayRead"


@dataclass
class Hub:
    """What was asked, and what is there: files by repository, such as `datasets/me/texts`."""

    address: str
    token: str = TOKEN
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    uploads: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)


class _Answer(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self.hub.asked.append(("GET", self.path))
        repository = re.match(r"/api/((?:datasets|models)/[^/]+/[^/?]+)(/tree/main)?", self.path)
        name = repository[1].removeprefix("models/") if repository else ""
        if repository is None or name not in self.hub.files:
            self._send({"error": "Repository not found"}, 404, "RepoNotFound")
        elif repository[2]:
            rows = self.hub.files[name].items()
            self._send(
                [{"type": "file", "path": p, "size": len(b), "oid": _oid(b)} for p, b in rows]
            )
        else:
            self._send({"id": name, "sha": "0" * 40})

    def do_POST(self) -> None:
        self.hub.asked.append(("POST", self.path))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Authorization"] != f"Bearer {self.hub.token}":
            self._send({"error": "Invalid username or password."}, 401)
        elif self.path == "/api/validate-yaml":
            front = json.loads(body)["content"].split("---\n")[1]
            wrong = [] if isinstance(yaml.safe_load(front), dict) else [{"message": "no mapping"}]
            self._send({"errors": wrong, "warnings": []}, 400 if wrong else 200)
        elif self.path == "/api/repos/create":
            self._create(json.loads(body))
        elif self.path.endswith("/preupload/main"):
            kinds = [
                {"path": one["path"], "uploadMode": _mode(one["path"]), "shouldIgnore": False}
                for one in json.loads(body)["files"]
            ]
            self._send({"files": kinds})
        elif self.path.endswith("/info/lfs/objects/batch"):
            self._send({"objects": [self._object(o) for o in json.loads(body)["objects"]]})
        elif self.path.endswith("/commit/main"):
            self._commit([json.loads(line) for line in body.splitlines()])
        else:
            self._send({"error": "unknown"}, 404)

    def do_PUT(self) -> None:
        self.hub.asked.append(("PUT", self.path))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert hashlib.sha256(body).hexdigest() == self.path.rsplit("/", 1)[1]
        self.hub.stored[self.path.rsplit("/", 1)[1]] = body
        self.hub.uploads += 1
        self._send({})

    def _create(self, wanted: dict[str, Any]) -> None:
        kind = "datasets/" if wanted.get("type") == "dataset" else ""
        place = f"{wanted['organization']}/{wanted['name']}"
        self.hub.files[kind + place] = {}
        self.hub.private[kind + place] = bool(
            wanted.get("private") or wanted.get("visibility") == "private"
        )
        self._send({"url": f"{self.hub.address}/{kind}{place}", "name": place, "id": place})

    def _object(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Where a large file goes; one that is there goes nowhere."""
        if wanted["oid"] in self.hub.stored:
            return wanted
        upload = {"href": f"{self.hub.address}/lfs/{wanted['oid']}"}
        return {**wanted, "actions": {"upload": upload}}

    def _commit(self, lines: list[dict[str, Any]]) -> None:
        name = self.path.removeprefix("/api/").removesuffix("/commit/main").removeprefix("models/")
        files = self.hub.files[name]
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.hub.stored[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        url = f"{self.hub.address}/{name}/commit/{'1' * 40}"
        self._send({"success": True, "commitUrl": url, "commitOid": "1" * 40})

    def _send(self, value: Any, status: int = 200, code: str = "") -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def hub_server() -> Iterator[Hub]:
    """A hub without repositories, while the block runs."""
    handler = type("Handler", (_Answer,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        hub = Hub(f"http://127.0.0.1:{server.server_address[1]}")
        handler.hub = hub  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


def _mode(path: str) -> str:
    return "lfs" if path.endswith((".parquet", ".bin", ".safetensors")) else "regular"


def _oid(body: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
