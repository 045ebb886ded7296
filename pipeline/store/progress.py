"""Progress that can be seen from outside, whatever runs the work.

Each unit of work keeps one small JSON file beside its stage's output and renews
it at most once a second; the command that started the build, or `webtext status`
from elsewhere, adds them up.  So it works for threads, processes and machines
alike, and for any Beam runner.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from pipeline.store import files
from pipeline.store.manifest import PROGRESS

_EVERY = 1.0  # seconds between two writes of one unit
_SLOWEST = 3  # hosts that are named
_LIVE = 60.0  # seconds after which the pace of a unit that writes no more is not believed


@dataclass(frozen=True)
class HostPace:
    """A host that is crawled: links left, and seconds from one page to the next."""

    name: str
    left: int
    seconds: float


@dataclass(frozen=True)
class Pace:
    """How fast a crawl goes: pages and bytes a second, hosts at work, those that end last."""

    pages: float
    bytes: float
    hosts: int
    slowest: tuple[HostPace, ...]


class Progress:
    """The progress of one unit of work; use as a context manager around it.

    `amount` is in the stage's own unit (bytes, pages, documents); `outcomes` are
    counted by name.
    """

    def __init__(self, stage_folder: str, unit: str) -> None:
        self._path = files.join(stage_folder, PROGRESS, f"{unit}.json")
        self._done = 0
        self._outcomes: Counter[str] = Counter()
        self._written = 0.0
        self._pace: Pace | None = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._pace = None
        if kind is None:
            self._write()

    def add(self, amount: int = 1, **outcomes: int) -> None:
        """Adds done work; writes the file when the last write is a second old."""
        self._done += amount
        self._outcomes.update(outcomes)
        self._renew()

    def keep_pace(self, pace: Pace) -> None:
        """Notes how fast the work goes at this moment."""
        self._pace = pace
        self._renew()

    def _renew(self) -> None:
        now = time.monotonic()
        if now - self._written >= _EVERY:
            self._written = now
            self._write()

    def _write(self) -> None:
        state = {"done": self._done, "outcomes": self._outcomes}
        if self._pace is not None:
            state |= {"pace": self._pace, "at": time.time()}
        files.write_bytes(self._path, orjson.dumps(state), lasting=False)


@dataclass(frozen=True)
class Total:
    """How much work a stage has before it, in its own unit, for progress and time left."""

    amount: int
    unit: str


@dataclass
class Snapshot:
    """The progress of a whole stage at one moment."""

    done: int = 0
    units: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    #: Of the units that crawl at this moment; None where none does.
    pace: Pace | None = None


def read_progress(stage_folder: str) -> Snapshot:
    """Adds up the progress files of a stage; empty where there are none."""
    total = Snapshot()
    for path in files.listed(stage_folder, PROGRESS, "*.json"):
        try:
            state = orjson.loads(files.read_bytes(path))
        except (FileNotFoundError, orjson.JSONDecodeError):
            continue  # the stage ended, or the file is of an older version
        total.units += 1
        total.done += state["done"]
        total.outcomes.update(state["outcomes"])
        if time.time() - state.get("at", 0.0) < _LIVE:
            slowest = tuple(HostPace(**host) for host in state["pace"].pop("slowest"))
            total.pace = _together(total.pace, Pace(**state["pace"], slowest=slowest))
    return total


def _together(one: Pace | None, other: Pace) -> Pace:
    if one is None:
        return other
    return Pace(
        one.pages + other.pages,
        one.bytes + other.bytes,
        one.hosts + other.hosts,
        slowest_of([*one.slowest, *other.slowest]),
    )


def slowest_of(hosts: Iterable[HostPace]) -> tuple[HostPace, ...]:
    """The hosts that will end last, going on as they do."""
    by_end = sorted(hosts, key=lambda host: (-host.left * host.seconds, host.name))
    return tuple(by_end[:_SLOWEST])
