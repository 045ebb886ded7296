"""Progress that can be seen from outside, whatever runs the work.

Each unit of work keeps one small JSON file beside its stage's output and renews
it at most once a second; the command that started the build, or `webtext status`
from elsewhere, adds them up.  So it works for threads, processes and machines
alike, and for any Beam runner.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson

from pipeline import files
from pipeline.corpus import PROGRESS

_EVERY = 1.0  # seconds between two writes of one unit


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

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self._write()

    def add(self, amount: int = 1, **outcomes: int) -> None:
        """Adds done work; writes the file when the last write is a second old."""
        self._done += amount
        self._outcomes.update(outcomes)
        now = time.monotonic()
        if now - self._written >= _EVERY:
            self._written = now
            self._write()

    def _write(self) -> None:
        said = {"done": self._done, "outcomes": self._outcomes}
        files.write_bytes(self._path, orjson.dumps(said))


@dataclass
class Snapshot:
    """The progress of a whole stage at one moment."""

    done: int = 0
    units: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)


def read_progress(stage_folder: str) -> Snapshot:
    """Adds up the progress files of a stage; empty where there are none."""
    total = Snapshot()
    for path in files.glob(files.join(stage_folder, PROGRESS, "*.json")):
        try:
            said = orjson.loads(files.read_bytes(path))
        except (FileNotFoundError, orjson.JSONDecodeError):
            continue  # the stage ended, or the file is of an older version
        total.units += 1
        total.done += said["done"]
        total.outcomes.update(said["outcomes"])
    return total
