"""Extraction in a process that can be killed, seen from the process that asks.

A page may crash the parser, fill the memory or run for ever.  So it is judged in a
child (`worker.py`) with hard limits; when the child dies, its death is the page's
outcome, and the next page gets a new child.  A page that crashes a child or fills its
memory is tried once more in a new one: the child may have been weakened by the pages
before, or killed from outside, and the outcome must depend on the page alone.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.util import Finalize

import orjson

from pipeline.documents import messages as frames
from pipeline.documents.page import Page, Verdict
from pipeline.documents.settings import DocumentsSettings
from pipeline.store.errors import WebtextError

#: Seconds by the clock on the wall for each second of the deadline, which counts processor
#: time: only a child that waits for ever, or a machine that swaps, gets there.
_WALL = 10.0
_START = 300.0  # seconds for a child to import its libraries, on a machine under heavy load
_ANSWER_BYTES = 1 << 30


class ChildDiedError(Exception):
    """The child ended, or was ended, before it answered."""


class Child:
    """One child process.  `ask` it for verdicts; `close` it."""

    def __init__(self, settings: DocumentsSettings) -> None:
        """Starts the process; raises WebtextError when it does not come up."""
        self._settings = settings
        self.served = 0
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pipeline.documents.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(),
        )
        try:
            self._send(frames.pack(settings.model_dump(mode="json")))
            self._answer(_START)
        except ChildDiedError as error:
            raise WebtextError(
                f"The extraction process did not start: {error}",
                f"Raise documents.memory_mb (now {settings.memory_mb}) or see its message above",
            ) from None

    def ask(self, page: Page) -> Verdict:
        """The verdict on a page; a page that ends the child gets a verdict as well."""
        self.served += 1
        labels = {
            "url": page.url,
            "content_type": page.content_type,
            "fetched": page.fetched.isoformat(),
        }
        try:
            self._send(frames.pack(labels, page.body))
            verdict = Verdict.from_json(self._answer(_WALL * self._settings.deadline))
        except ChildDiedError:
            return self._death()
        if verdict.outcome == "memory":
            self.close()
        return verdict

    @property
    def usable(self) -> bool:
        """False once it has ended or has served as many pages as it may."""
        return self._process.poll() is None and self.served < self._settings.pages_per_child

    def close(self) -> None:
        """Ends the process, however it is."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def _death(self) -> Verdict:
        """What the end of the process says about the page."""
        if self._process.poll() is None:
            self.close()
            return Verdict("timeout", _WALL * self._settings.deadline, "no answer by the clock")
        self.close()
        code = self._process.returncode
        if code == -signal.SIGPROF:
            return Verdict("timeout", self._settings.deadline)
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return Verdict("crash", float(code), f"the extraction process ended with {name}")

    def _send(self, message: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(message)
            self._process.stdin.flush()
        except BrokenPipeError:
            self._process.wait()
            raise ChildDiedError("it closed its input") from None

    def _answer(self, seconds: float) -> dict[str, object]:
        until = time.monotonic() + seconds
        values_bytes, body_bytes = frames.lengths(self._read(frames.HEAD_BYTES, until))
        if values_bytes + body_bytes > _ANSWER_BYTES:
            raise ChildDiedError("it answered nonsense")
        answer: dict[str, object] = orjson.loads(self._read(values_bytes, until))
        return answer

    def _read(self, size: int, until: float) -> bytes:
        """Exactly `size` bytes from the child; ChildDiedError at its end or after `until`."""
        assert self._process.stdout is not None
        descriptor, got = self._process.stdout.fileno(), bytearray()
        poll = select.poll()  # select() fails from descriptor 1024 on
        poll.register(descriptor, select.POLLIN)
        while len(got) < size:
            left = until - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise ChildDiedError("no answer in time")
            piece = os.read(descriptor, min(size - len(got), 1 << 20))
            if not piece:
                self._process.wait()
                raise ChildDiedError(f"it ended with code {self._process.returncode}")
            got += piece
        return bytes(got)


class PageWorker:
    """Judges pages one after another in child processes, which it renews as needed."""

    def __init__(self, settings: DocumentsSettings) -> None:
        self._settings = settings
        self._child: Child | None = None

    def ask(self, page: Page) -> Verdict:
        """The verdict on a page."""
        verdict = self._usable_child().ask(page)
        if verdict.outcome in ("crash", "memory"):
            verdict = self._usable_child().ask(page)
        return verdict

    def start(self) -> None:
        """Starts a child process, unless there is one; raises WebtextError when it does not."""
        self._usable_child()

    def close(self) -> None:
        """Ends the child process."""
        if self._child:
            self._child.close()
            self._child = None

    def _usable_child(self) -> Child:
        if self._child and not self._child.usable:
            self.close()
        if self._child is None:
            self._child = Child(self._settings)
        return self._child


_idle: dict[str, list[PageWorker]] = {}
_lock = threading.Lock()


@contextmanager
def borrowed(settings: DocumentsSettings) -> Iterator[PageWorker]:
    """A worker from those that wait in this process: starting a child takes a second."""
    key = settings.model_dump_json()
    with _lock:
        if not _idle:
            Finalize(None, close_idle, exitpriority=0)  # `atexit` does not hold in forked workers
        waiting = _idle.setdefault(key, [])
        worker = waiting.pop() if waiting else PageWorker(settings)
    try:
        yield worker
    except BaseException:
        worker.close()
        raise
    with _lock:
        waiting.append(worker)


def warm_up(settings: DocumentsSettings) -> None:
    """Starts a child that then waits for work in this process."""
    with borrowed(settings) as worker:
        worker.start()


def close_idle() -> None:
    """Ends all children that wait for work."""
    with _lock:
        for worker in (worker for waiting in _idle.values() for worker in waiting):
            worker.close()
        _idle.clear()


def _environment() -> dict[str, str]:
    """The child's environment: the same modules, one thread, hashes that do not vary."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path if path),
        "PYTHONHASHSEED": "0",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
