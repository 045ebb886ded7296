"""The runner `spark`: our own on PySpark, here or on a cluster."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager
from importlib.util import find_spec

from pipeline.engine.runners.beam_kind import check_reachable
from pipeline.engine.runners.runner_kind import OpenRunner, RunnerKind, needed
from pipeline.engine.runners.spark_settings import SparkSettings
from pipeline.store.errors import SettingError


class OnSpark(RunnerKind):
    """Starts a Spark application for the build."""

    settings = SparkSettings
    own: SparkSettings

    def open(self, options: Sequence[str], root: str) -> AbstractContextManager[OpenRunner]:
        """Opens the application; its executors are checked first where they are elsewhere."""
        if find_spec("pyspark") is None:
            raise SettingError(
                'runner.name = "spark" needs the package pyspark', "pip install 'webtext[spark]'"
            )
        if self.own.master.startswith("k8s://"):
            example = "registry/webtext-spark:1.0"
            needed(self.own.kubernetes.image, "runner.spark.kubernetes.image", example)
        if self.own.master.startswith("spark://") and "," not in self.own.master:
            check_reachable(self.own.master.removeprefix("spark://"), "runner.spark.master")
        # It does not know the latest pandas, which is not used.
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
        from pipeline.engine.runners.spark_build import open_spark  # noqa: PLC0415  # late: pyspark

        return open_spark(self.own, self.runner.worker_count(), options, root)

    def memory_limit(self) -> tuple[str, int] | None:
        """Beyond it Kubernetes and YARN end an executor; others do not look."""
        limit = self.own.memory_limit_mb * 1_000_000
        return ("runner.spark.memory_limit_mb", limit) if self.own.limits_memory else None

    def processes(self) -> int:
        """Of a standalone cluster that gives all that it has the settings do not tell."""
        if self.own.is_local:
            return self.own.local_cores(super().processes())
        executors = self.own.executors or (2 if self.own.limits_memory else 0)
        return executors * self.own.cores or super().processes()
