"""A running `webtext browse`, asked as a web browser asks it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

from support import PROJECT


class Safe(HTMLParser):
    """Refuses what our pages must not have; collects the text and the links."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base
        self.words: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        assert not any(name.startswith("on") or name == "style" for name in values), (tag, attrs)
        assert tag != "style"
        if tag in ("script", "link", "iframe", "form", "img"):
            place = values.get("src") or values.get("href") or values.get("action") or ""
            ours = place.startswith((self.base, "data:")) or (tag == "form" and not place)
            assert ours, (tag, attrs)
        if tag == "a":
            self.links.append(values["href"] or "")

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@dataclass
class Served:
    """What the server answered."""

    status: int
    headers: http.client.HTTPMessage
    text: str
    base: str

    @property
    def page(self) -> Safe:
        """The page, checked."""
        page = Safe(self.base)
        page.feed(self.text)
        return page

    @property
    def shown(self) -> str:
        """Its words, white space joined."""
        return " ".join(" ".join(self.page.words).split())


@dataclass
class Browser:
    """A server's address and its process."""

    address: str
    process: subprocess.Popen[str]

    def get(
        self, path: str = "", *, method: str = "GET", host: str = "", token: str | None = None
    ) -> Served:
        """Asks for a path below the token's; or with another token, host or method."""
        parts = urlsplit(self.address)
        base = parts.path.rstrip("/") if token is None else f"/{token}"
        connection = http.client.HTTPConnection(parts.netloc)
        target = path if path == "*" else f"{base}/{path}"  # of the server itself
        connection.request(method, target, headers={"Host": host or parts.netloc})
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return Served(answer.status, answer.headers, body, base)

    def end(self) -> tuple[int, str]:
        """Ctrl-C; the exit code and what was printed since."""
        self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate()
        return self.process.returncode, rest


@contextmanager
def browsing(
    root: str, *arguments: str, environment: dict[str, str] | None = None
) -> Iterator[Browser]:
    """`webtext browse ROOT` while the block runs."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "pipeline", "browse", root, *arguments],
        cwd=PROJECT,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("http://127.0.0.1:"), line + process.stdout.read()
        yield Browser(line.split()[0], process)
    finally:
        process.kill()
        process.wait()


def kept_id(root: Path) -> str:
    """The id of a page in the corpus."""
    from pipeline.store.corpus import Corpus
    from pipeline.views.show import select

    return str(select(Corpus(str(root)), "corpus", where=None, limit=1)[0]["id"])


def write_runs(folder: Path) -> Path:
    """Two runs without shards, one with a spike at step 31."""
    for name, spike in (("one", 12.0), ("two", 8.0)):
        (folder / name).mkdir()
        facts = {"recipe": {"objective": "causal", "model": {"layers": 2}}, "data": "tokens"}
        (folder / name / "run.json").write_text(json.dumps(facts))
        with (folder / name / "log.jsonl").open("w") as log:
            for step in range(1, 61):
                loss = spike if step == 31 else 9 - step / 60
                log.write(json.dumps({"step": step, "loss": loss, "grad_norm": 1.0}) + "\n")
    return folder
