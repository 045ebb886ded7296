"""A toy stage on the real sink, for tests of runners: two steps of units, parts, a manifest."""

from __future__ import annotations

import ctypes
import hashlib
import os
import random
import signal
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import apache_beam as beam
import pyarrow as pa

from pipeline.engine.sink import StageTransform
from pipeline.engine.stage_steps import Ending, StageSteps
from pipeline.engine.steps import Reports, Step, all_of
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.manifest import Counts, Manifest
from pipeline.store.parts import Part, PartWriter, finished_part, part_name, work_key


def kill_first(pids: Path, killed: list[int]) -> threading.Thread:
    """Kills the first process that leaves its number in the folder, and notes the number."""

    def kill() -> None:
        while not list(pids.iterdir()):
            time.sleep(0.05)
        killed.append(int(next(pids.iterdir()).name))
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    return killer


SCHEMA = pa.schema([("id", pa.string()), ("number", pa.int64())])


@dataclass(frozen=True)
class Unit:
    """One part of the toy stage."""

    number: int
    of: int


def make(unit: Unit, folder: str, prefix: str, seconds: float, pids: str) -> list[Part]:
    """Writes a part of 100 rows; leaves the process's id in `pids`, if given."""
    if pids:
        Path(pids, str(os.getpid())).touch()
    name, key = part_name(unit.number, unit.of, prefix), work_key("toy", unit, prefix)
    done = finished_part(folder, name, key)
    if done is not None:
        return [done]
    time.sleep(seconds)
    with PartWriter(folder, name, SCHEMA, key) as writer:
        rows = [(hashlib.md5(f"{unit}{i}".encode()).hexdigest(), i) for i in range(100)]
        random.shuffle(rows)
        writer.add({"id": i, "number": n} for i, n in sorted(rows))
        writer.counts.keep(100)
    return [writer.finish()]


def plan_second(parts: Reports) -> list[Unit]:
    """As many units as the first step made parts."""
    return [Unit(number, len(parts)) for number in range(len(parts))]


def toy(folder: Path, units: int, seconds: float = 0.0, pids: str = "") -> StageTransform:
    """From the root to one Manifest, in the shape of every stage."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = Manifest(
        stage="toy", interval="all", settings={}, settings_hash="", inputs={},
        code_version="1", runner="", counts=Counts(), files=[], fingerprint="",
    )  # fmt: skip
    first, second = (
        partial(make, folder=str(folder), prefix=prefix, seconds=seconds, pids=pids)
        for prefix in ("first", "second")
    )
    of = [Unit(number, units) for number in range(units)]
    steps = (Step("First", partial(all_of, of), first), Step("Second", plan_second, second))
    return StageTransform(StageSteps(steps, Ending(str(folder), draft)))


def fail(kind: str) -> None:
    """Fails in the way that is asked for."""
    if kind == "webtext":
        raise WebtextError("File a.b [x] is cut at 7.5 GB", "Fetch it again. Then run again")
    if kind == "setting":
        raise SettingError("links.sources matches nothing", "Check the path")
    if kind == "value":
        raise ValueError("7 is odd")
    if kind == "interrupt":
        raise KeyboardInterrupt
    if kind == "segfault":
        ctypes.string_at(0)
    os.abort()


class Failing(beam.PTransform):
    """Fails on a worker."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection:
        return root | beam.Create([self._kind]) | beam.Reshuffle() | "Fail" >> beam.Map(fail)
