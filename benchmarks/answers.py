"""Odd answers: how many the crawler reads, beside curl, requests and Scrapy.

    python benchmarks/answers.py [--peers .venv-peers/bin/python] [--each]     # after `make peers`

A server on loopback gives the answers of `odd_answers.py`, each of which breaks a rule of HTTP
and holds the same page, and the pages of `odd_charsets.py`, labelled in their character sets,
of which some have a byte that is no character.  An answer is read when the page came out whole,
a labelled page when all its text did.  `--each` lists the answers that somebody did not read.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from odd_answers import ANSWERS, PAGE
from odd_charsets import PAGES

from pipeline.pages.crawl import Ended, Link, crawl
from pipeline.pages.settings import PagesSettings
from pipeline.store.addresses import page_id
from pipeline.store.content_coding import unpack
from pipeline.store.decode import decode

_MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_MOST_BEHIND = 60  # bytes that may stand behind the page: what a proxy wrote, or a whole trailer
_MOST_BYTES = 10_000_000

#: The pages in their order: number N is asked for as `/N`.
_SERVED = [*ANSWERS.values(), *(page.answer() for page in PAGES)]
_KINDS = (*dict.fromkeys(name.split("/")[0] for name in ANSWERS), "charset")


class Got(NamedTuple):
    """What a program made of an answer."""

    body: bytes
    text: str


def names() -> list[str]:
    """The names of all answers, `KIND/CASE`."""
    return [*ANSWERS, *(f"charset/{page.name}" for page in PAGES)]


def is_read(number: int, got: Got | None) -> bool:
    """Whether a program got the page of an answer."""
    if got is None:
        return False
    if number >= len(ANSWERS):
        return PAGES[number - len(ANSWERS)].is_read(got.text)
    return got.body.startswith(PAGE) and len(got.body) < len(PAGE) + _MOST_BEHIND


@contextmanager
def serving() -> Iterator[str]:
    """The origin of the server, in a thread of its own."""
    loop = asyncio.new_event_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            number = head.split(" ", 2)[1].lstrip("/")
            writer.write(_SERVED[int(number)] if number.isdigit() else _MISSING)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def by_crawler(origin: str) -> list[Got | None]:
    """The whole crawl, and the text as the documents stage has it."""
    settings = PagesSettings(
        via=origin, allow_hosts=("127.0.0.1",), delay=0.0, attempts=1, timeout=5.0
    )
    links = [
        Link(page_id(host), f"http://{host}/{number}", host)
        for number, host in ((number, f"n{number}.test") for number in range(len(_SERVED)))
    ]
    found: dict[str, Got] = {}

    def done(ended: Ended) -> None:
        answer = ended.answer
        if answer.outcome == "ok":
            label = answer.headers.joined("content-encoding")
            body = unpack(answer.body, label, _MOST_BYTES).data
            text = decode(body, answer.headers.joined("content-type")).text
            found[ended.link.id] = Got(body, text)

    crawl([links], settings, done)
    return [found.get(link.id) for link in links]


def by_curl(origin: str) -> list[Got | None]:
    """`curl -sL --compressed`; it leaves text to others."""
    command = ["curl", "-sL", "--compressed", "-m", "5"]
    return [Got(_output([*command, f"{origin}/{number}"]), "") for number in range(len(ANSWERS))]


def _output(command: Sequence[str]) -> bytes:
    """What it wrote, whether it was content with the answer or not."""
    return subprocess.run(command, check=False, capture_output=True).stdout


def by_peer(python: str, program: str) -> Callable[[str], list[Got | None]]:
    """A program of the peers' environment."""

    def ask(origin: str) -> list[Got | None]:
        script = str(Path(__file__).with_name("peer_answers.py"))
        with tempfile.TemporaryDirectory() as name:
            command = [python, script, program, origin, str(len(_SERVED)), name]
            subprocess.run(command, check=True)
            return [_kept(Path(name), number) for number in range(len(_SERVED))]

    return ask


def _kept(folder: Path, number: int) -> Got | None:
    body, text = (folder / f"{number}.{kind}" for kind in ("body", "text"))
    return Got(body.read_bytes(), text.read_text("utf-8")) if body.exists() else None


def report(read: dict[str, Sequence[bool]], each: bool) -> None:
    """Prints a line for each kind of answer, and those that somebody did not read."""
    print(f"{'':24}{'all':>6}" + "".join(f"{program:>10}" for program in read))
    for kind in _KINDS:
        chosen = [number for number, name in enumerate(names()) if name.split("/")[0] == kind]
        numbers = "".join(
            f"{sum(one[number] for number in chosen) if len(one) > chosen[-1] else '-':>10}"
            for one in read.values()
        )
        print(f"{kind:24}{len(chosen):>6}{numbers}")
    answers = "".join(f"{sum(one[: len(ANSWERS)]):>10}" for one in read.values())
    print(f"{'answers but charsets':24}{len(ANSWERS):>6}{answers}")
    for number, name in enumerate(names()) if each else ():
        lost = [p for p, one in read.items() if number < len(one) and not one[number]]
        if lost:
            print(f"{name}: not by {', '.join(lost)}")


def main() -> None:
    """Asks by each program and reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", help="Python of the peers' environment")
    parser.add_argument("--each", action="store_true")
    chosen = parser.parse_args()
    programs = {"crawler": by_crawler, "curl": by_curl}
    if chosen.peers:
        programs |= {name: by_peer(chosen.peers, name) for name in ("requests", "scrapy")}
    with serving() as origin:
        read = {
            name: [is_read(number, got) for number, got in enumerate(ask(origin))]
            for name, ask in programs.items()
        }
    report(read, chosen.each)


if __name__ == "__main__":
    main()
