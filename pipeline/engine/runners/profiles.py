"""Runner profiles: which Beam runner carries a build, and with which settings."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Literal, get_args

from pydantic import ConfigDict, Field

from pipeline.store.settings import Settings, load_recipe

#: The profile of a runner that is called by its name.
_EMPTY = Path(__file__).parent / "profile.toml"


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
    account: str = ""
    walltime: str = "24:00:00"
    jobs: int = Field(1, ge=1)
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
    cluster: str = "webtext"
    cpu: str = "1"


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
    slurm: SlurmSettings = SlurmSettings()
    kubernetes: KubernetesSettings = KubernetesSettings()


Environment = Literal["LOOPBACK", "DOCKER", "PROCESS", "EXTERNAL"]


class PortableSettings(Settings):
    """Where workers of a portable runner run Python, as Beam names it."""

    job_endpoint: str = ""
    """`host:port` of a Beam job service that is there already."""
    parallelism: int = Field(0, ge=0)
    """Slots to use; 0: the runner's own choice."""
    environment: Environment = "DOCKER"
    """`LOOPBACK`: this machine; `DOCKER`: an image; `EXTERNAL`: worker pools beside the
    workers; `PROCESS`: a command on them."""
    environment_config: str = ""
    """The image, the pool's `host:port`, or the command as JSON."""


class FlinkSettings(PortableSettings):
    """The `[runner.flink]` section."""

    master: str = ""
    """`host:port` of Flink's REST interface; empty with a `job_endpoint`."""
    version: str = "2.0"
    """Flink's version, of which Beam's job server must be."""
    job_server_jar: str = ""
    """Beam's Flink job server; empty: Beam fetches it."""


class SparkSettings(PortableSettings):
    """The `[runner.spark]` section."""

    master: str = ""
    """`spark://host:7077`; empty with a `job_endpoint`."""
    rest_url: str = ""
    """`host:6066` of the master's REST interface, to submit without a job server."""
    job_server_jar: str = ""


class DataflowSettings(Settings):
    """The `[runner.dataflow]` section."""

    project: str = ""
    region: str = ""
    temp: str = ""
    """`gs://…` for temporary and staged files."""
    image: str = ""
    """An image with this package (docker/worker.Dockerfile)."""
    machine_type: str = "n2-standard-4"
    max_workers: int = Field(10, ge=1)
    disk_gb: int = Field(100, ge=10)
    service_account: str = ""
    subnetwork: str = ""


class RunnerSettings(Settings):
    """The `[runner]` section of a recipe.  It never changes what comes out."""

    name: Literal["auto", "local", "dask", "prism", "portable", "flink", "spark", "dataflow"] = (
        "auto"
    )
    """`auto`: in this process with one worker, dask on local processes with more."""
    workers: int = Field(0, ge=0, le=1024)
    """Number of local processes, or of pods; 0: one a core of this machine."""
    dask: DaskSettings = DaskSettings()
    portable: PortableSettings = PortableSettings()
    flink: FlinkSettings = FlinkSettings()
    spark: SparkSettings = SparkSettings()
    dataflow: DataflowSettings = DataflowSettings()

    volatile: ClassVar[frozenset[str]] = frozenset(
        {"name", "workers", "dask", "portable", "flink", "spark", "dataflow"}
    )

    def worker_count(self) -> int:
        """The number of local workers, never less than one."""
        return self.workers or len(os.sched_getaffinity(0))

    def resolved(self) -> str:
        """The runner's name with `auto` decided."""
        if self.name != "auto":
            return self.name
        local = self.dask.cluster == "local" and not self.dask.scheduler
        return "local" if self.worker_count() == 1 and local else "dask"


class _Profile(Settings):
    """A TOML file that holds a `[runner]` section, and may be a whole recipe."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    runner: RunnerSettings = RunnerSettings()


def read_profile(profile: str, overrides: Iterable[str] = ()) -> RunnerSettings:
    """The `[runner]` of a recipe file, or that of a runner by name with its defaults.

    Overrides are as of a recipe: `runner.flink.master="host:8081"`.
    Raises SettingError for an unknown name, key or value.
    """
    names = get_args(RunnerSettings.model_fields["name"].annotation)
    if profile in names:
        overrides = [f'runner.name="{profile}"', *overrides]
        profile = str(_EMPTY)
    return load_recipe(_Profile, profile, overrides, _EMPTY.parent).runner
