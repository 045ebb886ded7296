"""The runner `dask`: our own on dask workers, here or on other machines."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from pipeline.engine.runners.dask_settings import DaskSettings
from pipeline.engine.runners.fork_server import fork_server
from pipeline.engine.runners.runner_kind import OpenRunner, RunnerKind
from pipeline.engine.runners.scheduler_size import scheduler_memory


class OnDask(RunnerKind):
    """Connects to a cluster, or makes one for the build."""

    settings = DaskSettings
    own: DaskSettings

    def open(self, options: Sequence[str], root: str) -> AbstractContextManager[OpenRunner]:
        """Opens the cluster; its workers are checked first where they are on other machines."""
        from pipeline.engine.runners.cluster import open_dask  # noqa: PLC0415  # imports dask

        return open_dask(self.own, self.runner.worker_count(), options, root)

    def prepared(self, modules: Sequence[str]) -> AbstractContextManager[object]:
        """Local workers are forked from a process that has the modules."""
        if self.own.scheduler or self.own.cluster != "local":
            return super().prepared(modules)
        return fork_server(modules)

    def memory_limit(self) -> tuple[str, int]:
        """Beyond it a worker is restarted."""
        return "runner.dask.memory_limit_mb", self.own.memory_limit_mb * 1_000_000

    def scheduler_memory(self, workers: int, job: float) -> int:
        """By the tasks of a stage, which go by its partitions."""
        return scheduler_memory(self.own.parts(workers), job)

    def processes(self) -> int:
        """Of an existing cluster the settings do not tell."""
        ssh, slurm = self.own.ssh, self.own.slurm
        by_cluster = {
            "ssh": max(1, len(ssh.hosts) - 1) * ssh.processes,  # the first is the scheduler's
            "slurm": slurm.jobs * slurm.processes,
        }
        here = super().processes()
        return here if self.own.scheduler else by_cluster.get(self.own.cluster, here)
