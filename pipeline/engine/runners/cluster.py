"""Dask clusters: local processes made for a build, or a scheduler that is there already."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import apache_beam as beam
import dask
import distributed

from pipeline.engine.runners.beam_runner import parse_options, run_pipeline
from pipeline.engine.runners.dask import DaskRunner
from pipeline.engine.runners.dask_preflight import check_cluster
from pipeline.engine.runners.dask_settings import DaskSettings
from pipeline.engine.runners.fork_server import fork_server
from pipeline.engine.runners.late_workers import REFUSED, CheckLateWorkers
from pipeline.engine.runners.provision import made_cluster, wait_for_workers, worker_environment
from pipeline.engine.runners.trim import TrimWhilePaused
from pipeline.store.errors import WebtextError

_CONNECT = 5  # seconds to reach a scheduler
#: Dask's defaults would wait for ever for workers, and five minutes for one whose link is down.
_CONFIG = {
    "distributed.scheduler.worker-ttl": "60 s",
    "distributed.scheduler.no-workers-timeout": "120 s",
    "distributed.scheduler.allowed-failures": 3,
    # All tasks of a step are first given to the worker that has what they read, a list of units:
    # in a second, dask's default, that one has done many of them alone.
    "distributed.scheduler.work-stealing-interval": "50 ms",
    "distributed.worker.memory.target": 0.5,
    "distributed.worker.memory.spill": 0.6,
    "distributed.worker.memory.pause": 0.8,
    "distributed.worker.memory.terminate": 0.95,
    "distributed.worker.daemon": False,  # extraction starts child processes
    # Nobody looks at what these see; the first looks at each worker a hundred times a second.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.admin.system-monitor.disk": False,
    "distributed.logging.distributed": "error",
    "logging.distributed": "error",
    "distributed.worker.preload": ["pipeline.engine.runners.quiet"],
    "distributed.worker.multiprocessing-method": "forkserver",
}


class DaskBuild:
    """Our dask runner, ready for the stages of a build."""

    def __init__(
        self, client: distributed.Client, name: str, partitions: int, options: Sequence[str]
    ) -> None:
        self.name = name
        self.client, self._partitions, self._options = client, partitions, list(options)
        self._tasks = (0, 0)
        self._refused: dict[str, None] = {}
        self._warming: list[distributed.Future] = []

    def run(self, transform: beam.PTransform, label: str) -> None:
        """Runs one transform; blocks."""
        self._tasks = (0, 0)
        runner = DaskRunner(self.client, self._partitions, self._count)
        pipeline = beam.Pipeline(runner=runner, options=parse_options(self._options))
        run_pipeline(pipeline, transform, label)

    def warm_up(self, work: Callable[[], object]) -> None:
        """A task on each worker that is there."""
        self._warming += [
            self.client.submit(work, workers=[address], pure=False)
            for address in self.client.nthreads()
        ]

    def activity(self) -> str:
        """Workers and tasks, and workers that came later and were sent away."""
        workers = len(self.client.scheduler_info(n_workers=-1)["workers"])
        done, total = self._tasks
        refused = [f"refused: {reason}" for reason in self._refused]
        return ", ".join([f"{workers} workers", f"{done}/{total} tasks", *refused])

    def tell_refused(self, event: tuple[float, str]) -> None:
        """Called by the client with the time and the reason."""
        self._refused[event[1]] = None

    def _count(self, done: int, total: int) -> None:
        self._tasks = (done, total)


@contextmanager
def open_dask(
    settings: DaskSettings, workers: int, options: Sequence[str], root: str = ""
) -> Iterator[DaskBuild]:
    """Connects to the scheduler of the settings, or makes a cluster of their kind.

    `workers` is the number of local processes or pods.  `root` is where stages write; workers on
    other machines are checked for reaching it.
    Raises SettingError for a cluster that lacks settings or packages, WebtextError when it
    cannot be reached or its workers would not do.
    """
    with dask.config.set(_CONFIG):
        # What goes wrong with a scheduler or a worker ends the build with an error, or is mended.
        for name in ("distributed", "distributed.client", "tornado.application", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        if settings.scheduler:
            with _connected(settings.scheduler) as client:
                yield _checked(client, settings, options, root)
            return
        if settings.cluster == "local":
            with _local_cluster(workers, settings) as cluster, _connected(cluster) as client:
                yield _build(client, f"dask, {workers} local workers", settings, options)
            return
        with made_cluster(settings, workers) as (cluster, count), _connected(cluster) as client:
            wait_for_workers(client, count, settings.start_timeout)
            yield _checked(client, settings, options, root)


def _checked(
    client: distributed.Client, settings: DaskSettings, options: Sequence[str], root: str
) -> DaskBuild:
    """The build on workers of other machines, which are checked first, and as they join."""
    check_cluster(client, root)
    build = _build(client, f"dask, {len(client.nthreads())} workers", settings, options)
    client.subscribe_topic(REFUSED, build.tell_refused)
    client.register_plugin(CheckLateWorkers())
    return build


def _build(
    client: distributed.Client, name: str, settings: DaskSettings, options: Sequence[str]
) -> DaskBuild:
    client.register_plugin(TrimWhilePaused())
    return DaskBuild(client, name, settings.parts(len(client.nthreads())), options)


@contextmanager
def _connected(target: Any) -> Iterator[distributed.Client]:
    """A client of a scheduler's address or of a cluster."""
    try:
        client = distributed.Client(target, timeout=_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise WebtextError(
            f"No dask scheduler answers at {target}: {error}", "Check runner.dask.scheduler"
        ) from error
    with client:
        yield client


@contextmanager
def _local_cluster(count: int, settings: DaskSettings) -> Iterator[distributed.LocalCluster]:
    """Processes of one thread each, every one under a nanny that starts it again."""
    with fork_server(), worker_environment():
        cluster = distributed.LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            memory_limit=settings.memory_limit_mb * 1_000_000,
            dashboard_address="127.0.0.1:0",
            host="127.0.0.1",
            silence_logs=logging.CRITICAL,
        )
        with cluster:
            yield cluster
