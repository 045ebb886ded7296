"""Where a run's numbers go beside `log.jsonl`: TensorBoard, Weights & Biases, others' trackers.

A tracker is a class that an entry point of `webtext.trackers` names; `[log] trackers` lists those
that are used.  Only the first process of a training has any.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.store.registry import Registry


class Tracker:
    """The numbers of one run.  Made when training begins or goes on, closed when it ends."""

    def __init__(self, folder: Path, recipe: Mapping[str, Any]) -> None:
        """`folder` is the run's, `recipe` all settings as plain values.

        Raises WebtextError where it cannot be used: nothing is trained then.
        """

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Some numbers of a step; a step may come several times.

        After a run went on from a checkpoint, steps behind that come once more.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Writes what is left."""


TRACKERS = Registry("webtext.trackers", Tracker, "tracker")
