"""Runner profiles: which Beam runner carries a build, and with which options."""

from __future__ import annotations

import os
from typing import ClassVar, Literal

from pydantic import Field

from pipeline.settings import Settings


class DaskSettings(Settings):
    """The `[runner.dask]` section: an existing cluster, or how the local one is made."""

    scheduler: str = ""
    """Address of an existing scheduler, `tcp://host:8786`.  Empty: a cluster of local processes."""
    memory_limit_mb: int = Field(2_000, ge=300)
    """Memory of one local worker: beyond 60 % it spills to disk, at 95 % it is restarted."""
    partitions: int = Field(0, ge=0)
    """Parts into which each step is cut; 0: twice the number of workers."""


class RunnerSettings(Settings):
    """The `[runner]` section of a recipe.  It never changes what comes out."""

    name: Literal["auto", "local", "dask", "prism", "flink", "spark", "dataflow"] = "auto"
    """`auto`: in this process with one worker, dask on local processes with more."""
    workers: int = Field(0, ge=0, le=1024)
    """Number of local processes; 0: one a core."""
    dask: DaskSettings = DaskSettings()

    volatile: ClassVar[frozenset[str]] = frozenset({"name", "workers", "dask"})

    def worker_count(self) -> int:
        """The number of local workers, never less than one."""
        return self.workers or len(os.sched_getaffinity(0))

    def resolved(self) -> str:
        """The runner's name with `auto` decided."""
        if self.name != "auto":
            return self.name
        return "local" if self.worker_count() == 1 and not self.dask.scheduler else "dask"


#: Beam's own names of the runners that are not ours, and options that always go with them.
BEAM_RUNNERS: dict[str, tuple[str, tuple[str, ...]]] = {
    # FnApiRunner by name: DirectRunner becomes Prism or FnApiRunner by what the network allows.
    "local": ("FnApiRunner", ("--direct_num_workers=1", "--direct_running_mode=in_memory")),
    "prism": ("PrismRunner", ("--environment_type=LOOPBACK",)),
    "flink": ("FlinkRunner", ()),
    "spark": ("SparkRunner", ()),
    "dataflow": ("DataflowRunner", ()),
}
