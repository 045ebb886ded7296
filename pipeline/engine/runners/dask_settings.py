"""Settings of the dask runner: an existing cluster, or how one is made."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.store.settings import Settings


class SshSettings(Settings):
    """The `[runner.dask.ssh]` section: processes on machines that are reached by ssh."""

    hosts: tuple[str, ...] = ()
    """The scheduler's host, then those of the workers."""
    processes: int = Field(1, ge=1, le=256)
    """Workers on each host."""
    python: str = "python3"
    """The Python on the hosts that has this package."""
    username: str = ""
    """Empty: ssh's own choice."""
    interface: str = ""
    """The network interface by which the hosts reach each other, such as `eth0`; empty: that of
    the default route.  A host without a default route would name itself 127.0.0.1."""


class SlurmSettings(Settings):
    """The `[runner.dask.slurm]` section: workers as batch jobs, through dask-jobqueue."""

    queue: str = ""
    """The partition; empty: the cluster's default."""
    account: str = ""
    """Who the time is charged to; empty: the user's default."""
    walltime: str = "24:00:00"
    """Longest time of a job, hours, minutes and seconds."""
    jobs: int = Field(1, ge=1)
    """Batch jobs that are asked for."""
    processes: int = Field(1, ge=1, le=256)
    """Workers in each job, one core each."""
    interface: str = ""
    """The network interface that jobs and this machine share, such as `ib0`."""
    directives: tuple[str, ...] = ()
    """Further `#SBATCH` lines, without the `#SBATCH`."""
    prologue: tuple[str, ...] = ()
    """Lines of shell before the workers start, such as `source venv/bin/activate`."""
    python: str = ""
    """The Python on the nodes that has this package; empty: that of this process."""


class KubernetesSettings(Settings):
    """The `[runner.dask.kubernetes]` section: pods made by the dask operator."""

    image: str = ""
    """An image with this package (docker/worker.Dockerfile)."""
    namespace: str = "default"
    """The namespace of the pods."""
    cluster: str = "webtext"
    """Name of the cluster that is made."""
    cpu: str = "1"
    """Cores of a pod, as Kubernetes writes them."""


class DaskSettings(Settings):
    """The `[runner.dask]` section: an existing cluster, or how one is made."""

    scheduler: str = ""
    """Address of an existing scheduler, `tcp://host:8786`; it goes before `cluster`."""
    cluster: Literal["local", "ssh", "slurm", "kubernetes"] = "local"
    """What is made for the build, and ended with it, where there is no `scheduler`."""
    memory_limit_mb: int = Field(2_000, ge=300)
    """Memory of one worker: beyond 60 % it spills to disk, at 95 % it is restarted."""
    partitions: int = Field(0, ge=0)
    """Parts into which each step is cut; 0: twice the number of workers."""
    start_timeout: int = Field(300, ge=1)
    """Seconds to wait for the workers of a cluster that is made."""
    ssh: SshSettings = SshSettings()
    """For `cluster = "ssh"`."""
    slurm: SlurmSettings = SlurmSettings()
    """For `cluster = "slurm"`."""
    kubernetes: KubernetesSettings = KubernetesSettings()
    """For `cluster = "kubernetes"`."""

    def parts(self, workers: int) -> int:
        """Parts into which each step is cut on so many workers."""
        return self.partitions or 2 * workers
