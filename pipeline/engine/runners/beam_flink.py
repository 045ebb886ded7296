"""The runner `beam-flink`: Beam's Flink runner, by a job service or straight to the cluster."""

from __future__ import annotations

from pipeline.engine.runners.beam_kind import check_reachable
from pipeline.engine.runners.portable import PortableKind, PortableSettings
from pipeline.engine.runners.runner_kind import needed


class BeamFlinkSettings(PortableSettings):
    """The `[runner.beam-flink]` section."""

    master: str = ""
    """`host:port` of Flink's REST interface; empty with a `job_endpoint`."""
    version: str = "2.0"
    """Flink's version, of which Beam's job server must be."""
    job_server_jar: str = ""
    """Beam's Flink job server; empty: Beam fetches it."""


class BeamFlink(PortableKind):
    """A Flink cluster."""

    settings = BeamFlinkSettings
    own: BeamFlinkSettings
    name = "beam-flink"

    def options(self) -> list[str]:
        """Without a job service the pipeline goes as one jar to Flink's REST interface."""
        own = self.own
        options = ["--runner=FlinkRunner", *self.environment()]
        if own.job_endpoint:
            # A job server knows its Flink; Beam's FlinkRunner would start one of its own.
            options[0] = "--runner=PortableRunner"
        else:
            master = needed(own.master, "runner.beam-flink.master", "flink-jobmanager:8081")
            options += [f"--flink_master={master}", f"--flink_version={own.version}"]
            # The pipeline as one jar to Flink's REST interface: no job server stays behind.
            options.append("--flink_submit_uber_jar")
        if own.job_server_jar:
            options.append(f"--flink_job_server_jar={own.job_server_jar}")
        if own.parallelism:
            options.append(f"--parallelism={own.parallelism}")
        return options

    def check_master(self) -> None:
        """Flink's REST interface must answer."""
        check_reachable(self.own.master, "runner.beam-flink.master")
