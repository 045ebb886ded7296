"""The runner `dataflow`: Google Cloud Dataflow."""

from __future__ import annotations

from pydantic import Field

from pipeline.engine.runners.beam_kind import BeamKind, refuse_local
from pipeline.engine.runners.runner_kind import needed
from pipeline.store.errors import SettingError
from pipeline.store.settings import Settings


class DataflowSettings(Settings):
    """The `[runner.dataflow]` section."""

    project: str = ""
    """The Google Cloud project."""
    region: str = ""
    """Where workers run, such as `europe-west4`."""
    temp: str = ""
    """`gs://…` for temporary and staged files."""
    image: str = ""
    """An image with this package (docker/worker.Dockerfile)."""
    machine_type: str = "n2-standard-4"
    """Machine of a worker."""
    max_workers: int = Field(10, ge=1)
    """Most workers at a time."""
    disk_gb: int = Field(100, ge=10)
    """Disk of a worker, in GB."""
    service_account: str = ""
    """Account that workers run as; empty: the project's default."""
    subnetwork: str = ""
    """Network of the workers; empty: the default one."""


class Dataflow(BeamKind):
    """Workers in Google's cloud."""

    settings = DataflowSettings
    own: DataflowSettings

    def options(self) -> list[str]:
        """Project, region, bucket and machines."""
        own = self.own
        temp = needed(own.temp, "runner.dataflow.temp", "gs://bucket/tmp").rstrip("/")
        if not temp.startswith("gs://"):
            raise SettingError(f"runner.dataflow.temp {temp} is no gs:// address", "Name a bucket")
        image = needed(own.image, "runner.dataflow.image", "REGION-docker.pkg.dev/…/worker:1.0")
        options = [
            "--runner=DataflowRunner",
            f"--project={needed(own.project, 'runner.dataflow.project', 'my-project')}",
            f"--region={needed(own.region, 'runner.dataflow.region', 'europe-west4')}",
            f"--temp_location={temp}/temp",
            f"--staging_location={temp}/staging",
            f"--sdk_container_image={image}",
            f"--worker_machine_type={own.machine_type}",
            f"--max_num_workers={own.max_workers}",
            f"--disk_size_gb={own.disk_gb}",
            # One Python process a core would each want the memory of a worker; threads would run
            # bundles of one process side by side, which stages do not expect.
            "--experiments=use_runner_v2",
            "--number_of_worker_harness_threads=1",
        ]
        if own.service_account:
            options.append(f"--service_account_email={own.service_account}")
        if own.subnetwork:
            options.append(f"--subnetwork={own.subnetwork}")
        return options

    def check(self, root: str) -> None:
        """The corpus must be at an address."""
        refuse_local(root, "dataflow")

    def processes(self) -> int:
        """The machines."""
        return self.own.max_workers
