"""Memory and processor time of a dask scheduler, by partitions of dedup and by the size of a job.

    python benchmarks/scheduler.py [--partitions 8 128 512] [--job-mb 0 40 80]

Dedup of the sample, whose graph has the most tasks a partition, on two local workers and a
scheduler of its own for each figure; then a graph of 64 tasks that all read one value of so many
megabytes, as the tasks of a step read the step's job.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import distributed
import psutil

from pipeline.build.build import build
from pipeline.build.recipe import Recipe, read_recipe
from pipeline.engine.runners.provision import ENVIRONMENT
from pipeline.sample import COMMENTS, PAGES, POSTS


@contextmanager
def cluster() -> Iterator[tuple[str, psutil.Process]]:
    """A scheduler's address, and its process; two workers are there."""
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
        with distributed.Client(address, timeout=60) as client:
            client.wait_for_workers(2)
        yield address, psutil.Process(scheduler.pid)
    finally:
        for process in (workers, scheduler):
            process.terminate()
            process.wait()


def peak_mb(process: psutil.Process) -> float:
    """The most memory that it ever held."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        (line,) = [line for line in status if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 / 1e6


def sample(root: str, *settings: str) -> Recipe:
    """The sample's recipe, its pages from the archive."""
    return read_recipe(
        "quickstart",
        [
            f'corpus.root="{root}"',
            f'links.sources=[{{kind="reddit-dump", posts="{POSTS}", comments="{COMMENTS}"}}]',
            'pages.source="warc"',
            f'pages.warc=["{PAGES}"]',
            *settings,
        ],
    )


def by_partitions(root: str, partitions: int) -> None:
    """One line: dedup with so many."""
    shutil.rmtree(f"{root}/dedup", ignore_errors=True)
    with cluster() as (address, scheduler):
        dask = ["runner.name=dask", f'runner.dask.scheduler="{address}"']
        recipe = sample(root, *dask, f"runner.dask.partitions={partitions}")
        start = sum(scheduler.cpu_times()[:2])
        done = build(recipe, first="dedup", until="dedup", say=lambda line: None)
        assert done
        seconds = sum(scheduler.cpu_times()[:2]) - start
        print(f"{partitions:10}{peak_mb(scheduler):12.0f}{seconds:12.1f}", flush=True)


def _length(value: bytes, _: int) -> int:
    return len(value)


def by_job(megabytes: int) -> None:
    """One line: a value of so many in the graph."""
    with cluster() as (address, scheduler), distributed.Client(address) as client:
        graph: dict[object, object] = {"job": bytes(megabytes * 1_000_000)}
        graph |= {("task", number): (_length, "job", number) for number in range(64)}
        client.get(graph, [("task", number) for number in range(64)])
        print(f"{megabytes:10}{peak_mb(scheduler):12.0f}", flush=True)


def main() -> None:
    """Both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--partitions", type=int, nargs="*", default=[8, 128, 512])
    parser.add_argument("--job-mb", type=int, nargs="*", default=[0, 40, 80])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        build(sample(root, "runner.name=local"), until="quality", say=lambda line: None)
        print(f"{'partitions':>10}{'peak MB':>12}{'CPU seconds':>12}")
        for partitions in given.partitions:
            by_partitions(root, partitions)
    print(f"{'job MB':>10}{'peak MB':>12}")
    for megabytes in given.job_mb:
        by_job(megabytes)


if __name__ == "__main__":
    main()
