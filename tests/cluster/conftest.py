"""Machines of their own for tests of clusters, bare or with a dask cluster on them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from cluster.machines import Machine, network
from cluster.site import NAMES, WORKERS, Site
from support import TESTS_PATH

#: How the scheduler of docs/runners.md is started: it gives up what is gone after this long.
SCHEDULER = {
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "10 s",
    "DASK_DISTRIBUTED__SCHEDULER__NO_WORKERS_TIMEOUT": "20 s",
}


@dataclass
class DaskCluster(Site):
    """The machines with a scheduler and three workers on them."""

    #: Machines that are to be started anew, by name: at first all.
    broken: set[str] = field(default_factory=lambda: {"head", *WORKERS})

    @property
    def scheduler(self) -> str:
        """The scheduler's address."""
        return f"tcp://{self.head.address}:8786"

    def on_dask(self, root: str, *more: str) -> list[str]:
        """The build of the sample's links into `root` on the workers."""
        return self.build(root, "dask", "--set", f"runner.dask.scheduler={self.scheduler}", *more)

    def start_worker(self, machine: Machine, **environment: str) -> None:
        """Starts one worker with its nanny."""
        machine.log(
            "worker", sys.executable, "-m", "distributed.cli.dask_worker", self.scheduler,
            "--nthreads", "1", "--no-dashboard", "--local-directory", "/tmp/dask",
            "--memory-limit", "2GB", "--name", machine.name,
            **{"PYTHONHASHSEED": "0", "TMPDIR": "/tmp", **environment},
        )  # fmt: skip

    def wait_for_workers(self, count: int = len(WORKERS)) -> None:
        """Waits until exactly so many are there."""
        script = f"""
import time, distributed
with distributed.Client("{self.scheduler}") as client:
    while len(client.nthreads()) != {count}:
        time.sleep(0.2)
"""
        code, output = self.client.run(sys.executable, "-c", script)
        assert code == 0, output

    def settle(self) -> None:
        """Brings back what a test broke: links up, what ran on those machines started anew.

        Workers of a lost scheduler or behind a link that was cut do not all return by themselves.
        """
        if "head" in self.broken:
            self.broken.update(WORKERS)
            self.head.kill()
            self.head.log(
                "scheduler", sys.executable, "-m", "distributed.cli.dask_scheduler",
                "--port", "8786", "--no-dashboard", **SCHEDULER,
            )  # fmt: skip
        for worker in self.workers:
            if worker.name in self.broken:
                worker.link("up")
                worker.kill()
                self.start_worker(worker)
        if self.broken:
            self.wait_for_workers()
        self.broken.clear()


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Bare machines, and the store with the sample's input."""
    pytest.importorskip("moto", reason="needs moto's server")
    folder = tmp_path_factory.mktemp("machines")
    with network(folder, *NAMES) as machines:
        for machine in machines.values():
            machine.environment = {
                "AWS_ENDPOINT_URL": f"http://{machines['store'].address}:5000",
                "AWS_ACCESS_KEY_ID": "testing",
                "AWS_SECRET_ACCESS_KEY": "testing",
                "AWS_DEFAULT_REGION": "us-east-1",
                "PYTHONPATH": TESTS_PATH,
            }
        bare = Site(machines)
        bare.open_store()
        yield bare


@pytest.fixture(scope="package")
def dask_machines(site: Site) -> DaskCluster:
    """The dask cluster; tests take it by `cluster`."""
    return DaskCluster(site.machines)


@pytest.fixture
def cluster(dask_machines: DaskCluster) -> DaskCluster:
    """The running dask cluster, whole."""
    dask_machines.settle()
    return dask_machines
