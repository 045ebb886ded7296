"""One build at a time on an object store: a lease that is renewed, and that ends by itself.

A lease is a row of objects, `ROOT/_lease/00000012.json`, its terms.  Each term is made by a put
that a store carries out only where no such object is, so of two who want the next number one
gets it, and whoever made the last term has the lease.  A holder makes a new term four times in
the time a lease lasts, and before each manifest, by which one that was away for too long finds
that it lost the lease (a fencing token).

No clock is compared with another: who wants the lease of somebody else watches for the time it
lasts, and takes it when no new term came.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import orjson

from pipeline.store import files
from pipeline.store.errors import WebtextError
from pipeline.store.exclusive import create

FOLDER = "_lease"
#: Seconds without a new term after which a lease is free.
SECONDS = 60.0
#: Terms in the time a lease lasts, and looks of one who waits for its end.
_RENEWALS, _LOOKS = 4, 20
#: Times that a term is tried for when the next number was made by another process of the build.
_TRIES = 20


@dataclass(frozen=True)
class _Term:
    number: int
    #: Empty when the lease was given back.
    holder: str
    seconds: float


@dataclass(frozen=True)
class Lease:
    """The right of one build to write into the corpus at `root`; may go to other processes."""

    root: str
    #: Who has it, in words that end with something unique.
    holder: str
    seconds: float = SECONDS

    def confirm(self) -> None:
        """Makes a new term.  Raises WebtextError when the lease has gone to another build."""
        for _ in range(_TRIES):
            last = _last_term(self.root)
            if last is None or last.holder != self.holder:
                raise WebtextError(
                    f"This build was away for more than {self.seconds:.0f} s and lost "
                    f"{self.root} to {last.holder if last and last.holder else 'another build'}",
                    "Nothing is lost: run the same command again when the other has ended",
                )
            if self._make(last.number + 1):
                return
        raise WebtextError(f"The lease of {self.root} cannot be renewed", "Build again")

    def take(self, say: Callable[[str], None] = lambda line: None) -> None:
        """Takes the lease, where nobody has it or who had it is gone.

        Raises WebtextError when another build is at work.
        """
        last = _last_term(self.root)
        if last and last.holder not in ("", self.holder):
            say(
                f"{self.root} is held by {last.holder}: waiting up to {last.seconds:.0f} s "
                "to see whether that build is alive"
            )
            last = _outlived(self.root, last)
        if not self._make(last.number + 1 if last else 0):
            raise _busy(self.root, _last_term(self.root))

    def give_back(self) -> None:
        """Makes a last term that says so, unless the lease is lost."""
        last = _last_term(self.root)
        if last and last.holder == self.holder:
            Lease(self.root, "", self.seconds)._make(last.number + 1)

    def _make(self, number: int) -> bool:
        """Makes a term, and removes those before it; False when it does not become the last."""
        data = orjson.dumps({"holder": self.holder, "seconds": self.seconds})
        if not create(_path(self.root, number), data):
            return False
        numbers = [_number(path) for path in files.listed(files.join(self.root, FOLDER), "*.json")]
        # A number can be free because its term was removed for a later one.
        last = max(numbers) == number
        for other in numbers:
            if other < number or (other == number and not last):
                files.remove(_path(self.root, other))
        return last


@contextmanager
def leased(
    root: str,
    seconds: float = SECONDS,
    *,
    shared: str = "",
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[Lease]:
    """Holds the lease of a corpus, renewed by a thread of this process.

    Those that give the same name `shared` have it together; none of them gives it back, so it
    ends by itself.  Raises WebtextError when another build is at work.
    """
    unique = f"process {os.getpid()} on {socket.gethostname()} ({uuid.uuid4().hex[:12]})"
    lease = Lease(root, shared or unique, seconds)
    lease.take(say)
    stop = threading.Event()
    renewal = threading.Thread(target=_renew, args=(lease, stop), name="lease", daemon=True)
    renewal.start()
    try:
        yield lease
    finally:
        stop.set()
        renewal.join()
        if not shared:
            lease.give_back()


def _renew(lease: Lease, stop: threading.Event) -> None:
    while not stop.wait(lease.seconds / _RENEWALS):
        try:
            lease.confirm()
        except WebtextError:
            return  # lost: the build ends at its next manifest
        except OSError:
            continue  # the store does not answer now


def _outlived(root: str, term: _Term) -> _Term | None:
    """The last term once its holder is gone; WebtextError when the holder makes another."""
    for _ in range(_LOOKS):  # by count: a machine that stands still looks no less often
        time.sleep(term.seconds / _LOOKS)
        last = _last_term(root)
        if last is None or not last.holder:
            return last
        if last.number != term.number:
            raise _busy(root, last)
    return term


def _busy(root: str, term: _Term | None) -> WebtextError:
    who = term.holder if term and term.holder else "another build"
    return WebtextError(f"{root} is held by {who}", "Wait for that build to end, or stop it")


def _last_term(root: str) -> _Term | None:
    """The term with the highest number; None before the first."""
    while paths := files.listed(files.join(root, FOLDER), "*.json"):
        path = max(paths, key=_number)
        try:
            fields = orjson.loads(files.read_bytes(path))
        except FileNotFoundError:
            continue  # a newer one has come
        except ValueError:
            raise WebtextError(
                f"{path} is no term of a lease", "Delete it when no build is at work"
            ) from None
        return _Term(_number(path), str(fields["holder"]), float(fields["seconds"]))
    return None


def _path(root: str, number: int) -> str:
    return files.join(root, FOLDER, f"{number:08d}.json")


def _number(path: str) -> int:
    stem = files.name_of(path).removesuffix(".json")
    return int(stem) if stem.isdecimal() else -1
