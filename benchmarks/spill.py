"""What a tight memory limit costs: values of 1 kB grouped on two workers that must spill.

    python benchmarks/spill.py [--mb 240] [--limit 450] [--partitions 12]

It runs twice: as the runner does it, and with the parts of a result taken only when they are
needed, as it was before.  For each it prints seconds, processor seconds, and the megabytes
that all processes wrote and read (mostly spilled data).
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import psutil

from pipeline.engine.runners.open import open_runner
from pipeline.engine.runners.profiles import RunnerSettings


def values(number: int) -> Iterator[tuple[int, bytes]]:
    """A megabyte of them."""
    chance = random.Random(number)
    for _ in range(1000):
        yield chance.randrange(50_000), chance.randbytes(1000)


def count(_key: int, found: Any) -> int:
    """The number of values of a key."""
    return sum(1 for _ in found)


def note(path: str, total: int) -> None:
    """Writes the result."""
    Path(path).write_text(str(total))


class Grouped(beam.PTransform):
    """From so many megabytes to the number of their values."""

    def __init__(self, megabytes: int, path: str) -> None:
        super().__init__()
        self._megabytes, self._path = megabytes, path

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection:
        """Dealt out, made, grouped, counted."""
        return (
            root
            | beam.Create(range(self._megabytes))
            | beam.Reshuffle()
            | beam.FlatMap(values)
            | beam.GroupByKey()
            | beam.MapTuple(count)
            | beam.CombineGlobally(sum)
            | beam.Map(partial(note, self._path))
        )


def used() -> tuple[float, float, float]:
    """(processor seconds, MB written, MB read) of this process and all below it."""
    total = [0.0, 0.0, 0.0]
    me = psutil.Process()
    for process in [me, *me.children(recursive=True)]:
        try:
            times, moved = process.cpu_times(), process.io_counters()
        except psutil.Error:
            continue  # it ended while it was looked at
        total[0] += times.user + times.system
        total[1] += moved.write_chars / 1e6
        total[2] += moved.read_chars / 1e6
    return total[0], total[1], total[2]


def run(given: argparse.Namespace, late: bool) -> None:
    """One line of figures; `late`: without the priority of parts."""
    dask = {"memory_limit_mb": given.limit, "partitions": given.partitions}
    settings = RunnerSettings.checked({"name": "dask", "workers": 2, "dask": dask}, "benchmark")
    with tempfile.TemporaryDirectory() as folder, open_runner(settings) as runner:
        client: Any = runner.client  # type: ignore[attr-defined]
        if late:
            get = client.get
            client.get = lambda graph, keys, sync, priority: get(graph, keys, sync=sync)
        started, before = time.monotonic(), used()
        runner.run(Grouped(given.mb, f"{folder}/total"), "group")
        cost = [after - first for after, first in zip(used(), before, strict=True)]
        assert Path(folder, "total").read_text() == str(given.mb * 1000)
        print(
            f"{'late' if late else 'at once'}: {time.monotonic() - started:.0f} s, "
            f"{cost[0]:.0f} s of processor, {cost[1]:.0f} MB written, {cost[2]:.0f} MB read"
        )


def main() -> None:
    """Both ways."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mb", type=int, default=240)
    parser.add_argument("--limit", type=int, default=450, help="MB for each worker")
    parser.add_argument("--partitions", type=int, default=12)
    given = parser.parse_args()
    for late in (False, True):
        run(given, late)


if __name__ == "__main__":
    main()
