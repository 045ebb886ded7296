"""Dask clusters: local processes made for a build, or a scheduler that is there already."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import apache_beam as beam
import dask
import distributed

from pipeline.errors import WebtextError
from pipeline.runners.dask import DaskRunner
from pipeline.runners.open import parse_options, run_pipeline
from pipeline.runners.preflight import check_workers
from pipeline.runners.profiles import RunnerSettings

_CONNECT = 5  # seconds to reach a scheduler
#: Dask's defaults would wait for ever for workers, and five minutes for one whose link is down.
_CONFIG = {
    "distributed.scheduler.worker-ttl": "60 s",
    "distributed.scheduler.no-workers-timeout": "120 s",
    "distributed.scheduler.allowed-failures": 3,
    "distributed.worker.memory.target": 0.5,
    "distributed.worker.memory.spill": 0.6,
    "distributed.worker.memory.pause": 0.8,
    "distributed.worker.memory.terminate": 0.95,
    "distributed.worker.daemon": False,  # extraction starts child processes
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.logging.distributed": "error",
    "logging.distributed": "error",
    "distributed.worker.preload": ["pipeline.runners.quiet"],
}


class DaskBuild:
    """Our dask runner, ready for the stages of a build."""

    def __init__(
        self, client: distributed.Client, name: str, partitions: int, options: Sequence[str]
    ) -> None:
        self.name = name
        self.client, self._partitions, self._options = client, partitions, list(options)
        self._tasks = (0, 0)

    def run(self, transform: beam.PTransform, label: str) -> None:
        """Runs one transform; blocks."""
        self._tasks = (0, 0)
        runner = DaskRunner(self.client, self._partitions, self._count)
        pipeline = beam.Pipeline(runner=runner, options=parse_options(self._options))
        run_pipeline(pipeline, transform, label)

    def activity(self) -> str:
        """Workers and tasks."""
        workers = len(self.client.scheduler_info(n_workers=-1)["workers"])
        done, total = self._tasks
        return f"{workers} workers, {done}/{total} tasks"

    def _count(self, done: int, total: int) -> None:
        self._tasks = (done, total)


@contextmanager
def open_dask(settings: RunnerSettings, options: Sequence[str]) -> Iterator[DaskBuild]:
    """Connects to the scheduler of the settings, or makes a cluster of local processes."""
    with dask.config.set(_CONFIG):
        logging.getLogger("distributed").setLevel(logging.ERROR)
        if settings.dask.scheduler:
            with _connected(settings.dask.scheduler) as client:
                check_workers(client)
                workers = len(client.nthreads())
                name = f"dask, {workers} workers"
                yield DaskBuild(client, name, settings.dask.partitions or 2 * workers, options)
            return
        count = settings.worker_count()
        with _local_cluster(count, settings) as cluster, _connected(cluster) as client:
            name = f"dask, {count} local workers"
            yield DaskBuild(client, name, settings.dask.partitions or 2 * count, options)


@contextmanager
def _connected(place: str | distributed.LocalCluster) -> Iterator[distributed.Client]:
    try:
        client = distributed.Client(place, timeout=_CONNECT, set_as_default=False)
    except OSError as error:
        raise WebtextError(
            f"No dask scheduler answers at {place}: {error}", "Check runner.dask.scheduler"
        ) from error
    with client:
        yield client


@contextmanager
def _local_cluster(count: int, settings: RunnerSettings) -> Iterator[distributed.LocalCluster]:
    """Processes of one thread each, every one under a nanny that starts it again."""
    environment = {
        "PYTHONHASHSEED": "0",
        "DASK_LOGGING__DISTRIBUTED": "error",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")]),
    }
    # A worker process is spawned, and reads its hash seed from the environment it starts in.
    with dask.config.set({"distributed.nanny.pre-spawn-environ": environment}):
        cluster = distributed.LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            memory_limit=settings.dask.memory_limit_mb * 1_000_000,
            dashboard_address="127.0.0.1:0",
            host="127.0.0.1",
            silence_logs=logging.ERROR,
        )
        with cluster:
            yield cluster
