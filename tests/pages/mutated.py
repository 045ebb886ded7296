"""Damaged answers and archives, by chance from a seed: each is read or refused, never worse.

    python -m tests.pages.mutated 50000 [SEED]

prints how they ended, and the slowest of each kind in seconds of processor time.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.odd_answers import ANSWERS
from benchmarks.odd_charsets import PAGES
from pipeline.pages.records import Capture, page_records
from pipeline.pages.screen import screen_body
from pipeline.pages.settings import PagesSettings
from pipeline.store import warc
from pipeline.store.archives import Response, captures, read_member, read_responses
from pipeline.store.errors import WebtextError
from pipeline.store.http_answer import AnswerReader, NoHttpError
from tests.store.test_archives import FORMATS

SETTINGS = PagesSettings(contact="mailto:a@example.org", max_bytes=1_000_000)
URL = "http://a.test/page"
_MOST = 8_000  # bytes of an answer that is damaged; a few are of megabytes
_OPTED_OUT = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Robots-Tag: mybot: noai, noml\r\n"
    b"Content-Usage: train-ai=n\r\nContent-Signal: ai-train=no\r\ntdm-reservation: 1\r\n"
    b'Link: <https://a.test/l.xml>; rel="license"\r\nRefresh: 3; url=/on\r\n\r\n'
    b"<html><head><meta name=robots content='noindex'><meta http-equiv=refresh content='1;/x'>"
    b"<script type=application/rsl+xml><rsl><content><license/></content></rsl></script></head>"
)
_BASES = [*ANSWERS.values(), *(page.answer() for page in PAGES), _OPTED_OUT]
#: What stands in answers and means something.
_WORDS = [
    b"\r\n", b"\n\n", b"\r\n\r\n", b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"3e8\r\n", b"\0",
    b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\xff\xfe", b"\xff", b"<html>", b"<!--", b"]]>",
    b"Content-Encoding: gzip, br, zstd, deflate\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 99999999999\r\n", b"<meta charset=", b"HTTP/1.1 200 OK\r\n",
    b"Content-Type: text/html; charset=utf-16\r\n",
]  # fmt: skip


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The data with one to six damages: bytes changed, lost, doubled, put in, or all cut short."""
    damaged = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        start = chance.randint(0, len(damaged))
        span = chance.choice((1, 2, 8, 100, 2_000))
        piece = bytes(damaged[start : start + span])
        kind = chance.randrange(6)
        if kind == 0:
            damaged[start : start + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            del damaged[start : start + span]
        elif kind == 2:
            damaged[start:start] = piece * chance.choice((1, 2, 50))
        elif kind == 3:
            damaged[start:start] = chance.choice(_WORDS)
        elif kind == 4:
            damaged[start : start + span] = chance.randbytes(len(piece))
        elif chance.random() < 0.2:
            del damaged[start:]
    return bytes(damaged)


def read_answer(chance: random.Random) -> str:
    """Reads a damaged answer as the crawler does; gives its outcome.

    Raises AssertionError where a page is not read back from its archive as it was.
    """
    answer = mutated(chance.choice(_BASES)[:_MOST], chance)
    step = chance.choice((7, 500, 1 << 20))
    reader = AnswerReader()
    try:
        for start in range(0, len(answer), step):
            if not reader.done:
                reader.feed(answer[start : start + step])
        if not reader.done:
            reader.end(broken=chance.random() < 0.5)
    except NoHttpError as error:
        assert str(error)
        return "no answer"
    head, body = reader.head, bytes(reader.body)
    assert head is not None and reader.done
    judged = screen_body(URL, head.headers, body, SETTINGS)
    capture = Capture(URL, head.status, head.headers, body, 0, head.reason, coding=judged.coding)
    if judged.outcome == "ok" and 200 <= head.status < 300:
        kind, fields, block = page_records(capture)[0]
        archived, _ = read_member(warc.record(kind, fields, block), 10_000_000)
        assert (archived.status, archived.body) == (head.status, body)
        again = screen_body(URL, archived.headers, archived.body, SETTINGS)
        assert (again.outcome, again.charset) == (judged.outcome, judged.charset)
    return judged.outcome


def read_archive(chance: random.Random, folder: Path) -> str:
    """Reads a damaged archive, and its pages again by their places; gives how that ended."""
    name = chance.choice(sorted(FORMATS))
    path = folder / name
    path.write_bytes(mutated(FORMATS[name](), chance))
    try:
        found = [one for one in captures(str(path), 10_000) if isinstance(one, Response)]
        again = list(read_responses(str(path), [one.offset for one in found], 10_000))
    except WebtextError as error:
        assert str(path) in str(error)
        return "refused"
    assert [one.body for one in again] == [one.body for one in found]
    return f"{len(found)} pages"


def main(mutations: int, seed: int) -> None:
    """As many of both kinds as are asked for, four answers to one archive."""
    chance, ended = random.Random(seed), Counter[str]()
    slowest = {"answers": 0.0, "archives": 0.0}
    with TemporaryDirectory() as folder:
        for number in range(mutations):
            started, kind = time.process_time(), "archives" if number % 5 == 4 else "answers"
            archive = kind == "archives"
            ended[
                f"{kind}: {read_archive(chance, Path(folder)) if archive else read_answer(chance)}"
            ] += 1
            slowest[kind] = max(slowest[kind], time.process_time() - started)
    for outcome, count in sorted(ended.items()):
        print(f"{outcome:40} {count:>7,}")
    print(", ".join(f"slowest of {kind}: {seconds:.2f} s" for kind, seconds in slowest.items()))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
