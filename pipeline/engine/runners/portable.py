"""The runner `portable`: any Beam job service, and what Flink and Spark share with it."""

from __future__ import annotations

import shutil
from typing import ClassVar, Literal

from pydantic import Field

from pipeline.engine.runners.beam_kind import BeamKind, check_reachable, refuse_local
from pipeline.engine.runners.runner_kind import needed
from pipeline.store.errors import WebtextError
from pipeline.store.settings import Settings

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


class PortableKind(BeamKind):
    """What all runners do that are reached by a job service, or that Java submits to."""

    own: PortableSettings
    takes_any_option: ClassVar[bool] = True
    #: The runner's name in the registry.
    name: str

    def environment(self) -> list[str]:
        """The options that say where workers run Python, and the job service if there is one."""
        own = self.own
        options = [f"--environment_type={own.environment}"]
        if own.environment != "LOOPBACK":
            example = {
                "DOCKER": "registry/webtext-worker:1.0",
                "EXTERNAL": "localhost:50000",
                "PROCESS": '{"command": "/opt/apache/beam/boot"}',
            }[own.environment]
            config = needed(
                own.environment_config, f"runner.{self.name}.environment_config", example
            )
            options.append(f"--environment_config={config}")
        if own.job_endpoint:
            options.append(f"--job_endpoint={own.job_endpoint}")
        return options

    def check(self, root: str) -> None:
        """The corpus, the service or the master, and Java where Beam submits by it."""
        if self.own.environment == "DOCKER":
            refuse_local(root, self.name)
        if self.own.job_endpoint:
            check_reachable(self.own.job_endpoint, f"runner.{self.name}.job_endpoint")
            return
        self.check_master()
        if shutil.which("java") is None:
            raise WebtextError(
                f"Beam submits to {self.name} by a Java program, and there is no `java` here",
                f"Install Java 11 or newer, or set runner.{self.name}.job_endpoint to a job server",
            )

    def processes(self) -> int:
        """The slots."""
        return self.own.parallelism or super().processes()

    def check_master(self) -> None:
        """Raises WebtextError unless the cluster's master answers."""


class Portable(PortableKind):
    """A job service that is there already."""

    settings = PortableSettings
    name = "portable"

    def options(self) -> list[str]:
        """The service's address, and where workers run."""
        needed(self.own.job_endpoint, "runner.portable.job_endpoint", "localhost:8099")
        return ["--runner=PortableRunner", *self.environment()]
