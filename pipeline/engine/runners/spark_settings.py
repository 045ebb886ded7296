"""Settings of the runner `spark`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator, model_validator

from pipeline.store.settings import Settings


class SparkKubernetesSettings(Settings):
    """The `[runner.spark.kubernetes]` section: executors as pods."""

    image: str = ""
    """An image with this package, PySpark and Java."""
    namespace: str = "default"
    """The namespace of the pods."""


class SparkSettings(Settings):
    """The `[runner.spark]` section: which Spark carries the build, and with how much."""

    master: str = "local[*]"
    """`local[*]`: this machine, `runner.workers` tasks at a time; `local[4]`: four;
    `spark://host:7077`: a standalone cluster; `k8s://https://host:6443`; `yarn`."""
    executors: int = Field(0, ge=0)
    """Executors to ask for and to wait for; 0: all of a standalone cluster, two of others."""
    cores: int = Field(1, ge=1, le=256)
    """Tasks that an executor runs at a time, each in a Python process of its own."""
    memory_limit_mb: int = Field(2_000, ge=300)
    """Memory of the Python of one core: Kubernetes and YARN end an executor that takes more."""
    java_memory_mb: int = Field(1_000, ge=500)
    """Memory of the Java of an executor, and of this machine's: what is exchanged lies there and
    beyond it on disk."""
    partitions: int = Field(0, ge=0)
    """Parts into which each step is cut; 0: twice the number of cores."""
    start_timeout: int = Field(300, ge=1)
    """Seconds to wait for the executors."""
    host: str = ""
    """Name or address of this machine by which executors reach it; empty: Spark's own choice."""
    python: str = ""
    """The Python of the executors that has this package; empty: the path of this process's, on
    Kubernetes `python3` of the image."""
    kubernetes: SparkKubernetesSettings = SparkKubernetesSettings()
    """For `master = "k8s://…"`."""
    conf: dict[str, str] = Field(default_factory=dict)
    """Further properties of Spark, `"spark.network.timeout" = "300s"`.  They go before what this
    runner sets, but for what other settings of this section say."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_keys_of_beam(cls, values: Any) -> Any:
        beams = ("job_endpoint", "rest_url", "environment", "environment_config", "job_server_jar")
        for key in beams:
            if isinstance(values, Mapping) and key in values:
                raise ValueError(
                    f"runner.spark.{key} is of Beam's own runner, which is now beam-spark. Set "
                    'name = "beam-spark" and rename the section to [runner.beam-spark]'
                )
        return values

    @field_validator("master")
    @classmethod
    def _known_master(cls, master: str) -> str:
        starts = ("local", "spark://", "k8s://")
        if master != "yarn" and not master.startswith(starts):
            raise ValueError('not of the form "local[*]", "spark://…", "k8s://…" or "yarn"')
        return master

    @field_validator("conf")
    @classmethod
    def _own_properties(cls, conf: dict[str, str]) -> dict[str, str]:
        for name in conf:
            if name in _SET_ELSEWHERE:
                raise ValueError(f"{name} is set by runner.spark.{_SET_ELSEWHERE[name]}")
            if not name.startswith("spark."):
                raise ValueError(f"{name} is no property of Spark: they begin with `spark.`")
        if conf.get("spark.dynamicAllocation.enabled", "false") != "false":
            raise ValueError("spark.dynamicAllocation.enabled cannot be used: set executors")
        return conf

    @property
    def is_local(self) -> bool:
        """Whether tasks run on this machine."""
        return self.master.startswith("local")

    def local_cores(self, workers: int) -> int:
        """Tasks at a time on this machine; `workers` where the master does not say."""
        count = self.master.removeprefix("local").strip("[]").partition(",")[0]
        return int(count) if count.isdigit() else workers if count == "*" else 1

    def properties(self, workers: int) -> dict[str, str]:
        """All properties of Spark; `workers` are the cores of `local[*]`."""
        master = f"local[{self.local_cores(workers)},4]" if self.is_local else self.master
        found: dict[str, Any] = {
            # A task that fails in Python is not tried again: it ends well and tells its error.
            # What is left of failures is a lost process, and in `local` Spark would not repeat.
            "spark.master": master,
            "spark.app.name": "webtext",
            "spark.submit.deployMode": "client",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.dynamicAllocation.enabled": "false",
            **self.conf,
            "spark.executor.cores": self.cores,
            "spark.executor.memory": f"{self.java_memory_mb}m",
            "spark.driver.memory": f"{self.java_memory_mb}m",
        }
        if self.is_local:
            found["spark.driver.host"] = found["spark.driver.bindAddress"] = "127.0.0.1"
        elif self.host:
            found["spark.driver.host"] = self.host
        if self.executors:
            found["spark.executor.instances"] = self.executors
            found["spark.cores.max"] = self.executors * self.cores
        if self.limits_memory:
            found["spark.executor.memoryOverhead"] = f"{self.memory_limit_mb * self.cores}m"
        if self.master.startswith("k8s://"):
            found["spark.kubernetes.container.image"] = self.kubernetes.image
            found["spark.kubernetes.namespace"] = self.kubernetes.namespace
        return {name: str(value) for name, value in found.items()}

    @property
    def limits_memory(self) -> bool:
        """Whether the cluster looks at the memory of Python."""
        return self.master == "yarn" or self.master.startswith("k8s://")


#: Properties of Spark that have a setting here.
_SET_ELSEWHERE = {
    "spark.master": "master",
    "spark.driver.host": "host",
    "spark.driver.memory": "java_memory_mb",
    "spark.executor.memory": "java_memory_mb",
    "spark.executor.memoryOverhead": "memory_limit_mb",
    "spark.executor.cores": "cores",
    "spark.executor.instances": "executors",
    "spark.cores.max": "executors",
    "spark.pyspark.python": "python",
    "spark.kubernetes.container.image": "kubernetes.image",
    "spark.kubernetes.namespace": "kubernetes.namespace",
}
