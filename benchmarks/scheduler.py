"""Memory and processor time of a dask scheduler, by the tasks of a graph and by the size of a job.

    python benchmarks/scheduler.py [--tasks 160 2560 10240] [--job-mb 0 40 80]

A scheduler of its own and two workers for each figure.  The graph has 20 steps, as dedup has; each
task of a step reads one of the step before, and one in 32 all of them.  A job is a value in the
graph which 64 tasks read, as the tasks of a stage read what a stage is.  The scheduler has loaded
what it unpacks tasks with, Beam among it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

import distributed
import psutil

from pipeline.engine.runners.provision import ENVIRONMENT

_STEPS = 20
_GATHERED = 32


@contextmanager
def cluster() -> Iterator[tuple[distributed.Client, psutil.Process]]:
    """A client of a scheduler with two workers, and the scheduler's process."""
    address = "tcp://127.0.0.1:18786"
    python = [sys.executable, "-P", "-m"]
    flags = ["--no-dashboard", "--host", "127.0.0.1"]
    quiet = {"env": {**psutil.Process().environ(), **ENVIRONMENT}, "stderr": subprocess.DEVNULL}
    scheduler = subprocess.Popen(
        [*python, "distributed.cli.dask_scheduler", *flags, "--port", "18786"],
        **quiet,  # type: ignore[call-overload]
    )
    workers = subprocess.Popen(
        [*python, "distributed.cli.dask_worker", *flags, "--nworkers=2", "--nthreads=1", address],
        **quiet,  # type: ignore[call-overload]
    )
    try:
        with distributed.Client(address, timeout=120) as client:
            client.wait_for_workers(2)
            client.run_on_scheduler(import_module, "pipeline.engine.runners.task")
            yield client, psutil.Process(scheduler.pid)
    finally:
        for process in (workers, scheduler):
            process.terminate()
            process.wait()


def peak_mb(process: psutil.Process) -> float:
    """The most memory that it ever held."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        (line,) = [line for line in status if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 / 1e6


def _count(*parts: object) -> bytes:
    """What a task gives: some hundred bytes."""
    return str(len(parts)).encode() * 100


def _length(value: bytes, _: int) -> int:
    return len(value)


def by_tasks(tasks: int) -> None:
    """One line: a graph of so many."""
    width = tasks // _STEPS
    graph: dict[object, object] = {(0, number): (_count, number) for number in range(width)}
    for step in range(1, _STEPS):
        before = [(step - 1, number) for number in range(width)]
        for number in range(width):
            read = before if number % _GATHERED == 0 else [before[number]]
            graph[(step, number)] = (_count, *read)
    with cluster() as (client, scheduler):
        start = sum(scheduler.cpu_times()[:2])
        client.get(graph, [(_STEPS - 1, number) for number in range(width)])
        seconds = sum(scheduler.cpu_times()[:2]) - start
        print(f"{tasks:10}{peak_mb(scheduler):12.0f}{seconds:12.1f}", flush=True)


def by_job(megabytes: int) -> None:
    """One line: a job of so many."""
    graph: dict[object, object] = {"job": bytes(megabytes * 1_000_000)}
    graph |= {("task", number): (_length, "job", number) for number in range(64)}
    with cluster() as (client, scheduler):
        client.get(graph, [("task", number) for number in range(64)])
        print(f"{megabytes:10}{peak_mb(scheduler):12.0f}", flush=True)


def main() -> None:
    """Both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tasks", type=int, nargs="*", default=[160, 2560, 10240])
    parser.add_argument("--job-mb", type=int, nargs="*", default=[0, 40, 80])
    given = parser.parse_args()
    print(f"{'tasks':>10}{'peak MB':>12}{'CPU seconds':>12}")
    for tasks in given.tasks:
        by_tasks(tasks)
    print(f"{'job MB':>10}{'peak MB':>12}")
    for megabytes in given.job_mb:
        by_job(megabytes)


if __name__ == "__main__":
    main()
