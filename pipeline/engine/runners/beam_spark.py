"""The runner `beam-spark`: Beam's Spark runner, by a job service or straight to the cluster."""

from __future__ import annotations

from pipeline.engine.runners.beam_kind import check_reachable
from pipeline.engine.runners.portable import PortableKind, PortableSettings
from pipeline.engine.runners.runner_kind import needed


class BeamSparkSettings(PortableSettings):
    """The `[runner.beam-spark]` section."""

    master: str = ""
    """`spark://host:7077`; empty with a `job_endpoint`."""
    rest_url: str = ""
    """`host:6066` of the master's REST interface, to submit without a job server."""
    job_server_jar: str = ""
    """Beam's Spark job server; empty: Beam fetches it."""


class BeamSpark(PortableKind):
    """A Spark cluster, by Beam's runner for it in Java."""

    settings = BeamSparkSettings
    own: BeamSparkSettings
    name = "beam-spark"

    def options(self) -> list[str]:
        """Without a job service Java submits to the master."""
        own = self.own
        options = ["--runner=SparkRunner", *self.environment()]
        if own.job_endpoint:
            options[0] = "--runner=PortableRunner"
        else:
            master = needed(own.master, "runner.beam-spark.master", "spark://spark-master:7077")
            options.append(f"--spark_master_url={master}")
        if own.rest_url:
            options += [f"--spark_rest_url={own.rest_url}", "--spark_submit_uber_jar"]
        if own.job_server_jar:
            options.append(f"--spark_job_server_jar={own.job_server_jar}")
        return options

    def check_master(self) -> None:
        """Spark's master must answer."""
        check_reachable(self.own.master.removeprefix("spark://"), "runner.beam-spark.master")
