"""A standalone Spark cluster on machines of their own: one master and three workers."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from cluster.machines import Machine, wait_for
from cluster.site import BUCKET, Site, one_line

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        shutil.which("java") is None or find_spec("pyspark") is None,
        reason="needs Java 17 and the extra `spark`",
    ),
]
EXECUTOR = "CoarseGrainedExecutorBackend"
#: For processes that live a minute: nothing is compiled that would pay later.
JAVA = {"JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}


@dataclass
class SparkCluster(Site):
    """The machines with Spark on them, started as docs/runners.md starts it."""

    @property
    def master(self) -> str:
        return f"spark://{self.head.address}:7077"

    def on_spark(self, root: str, *more: str) -> list[str]:
        """The build of the sample's links into `root` on the executors."""
        return [
            *self.build(root, "spark", *more),
            "--set", f"runner.spark.master={self.master}",
            "--set", f"runner.spark.host={self.client.address}",
            "--set", "runner.spark.executors=3",
            "--set", "runner.spark.partitions=3",
        ]  # fmt: skip

    def start(self) -> None:
        here = Path(sys.executable).parent
        start, classes = str(here / "spark-class"), "org.apache.spark.deploy"
        path = f"{here}:{os.environ['PATH']}"  # it asks the first Python there where Spark is
        log = self.head.log(
            "master", start, f"{classes}.master.Master",
            "--host", self.head.address, "--port", "7077", "--webui-port", "0", PATH=path,
        )  # fmt: skip
        wait_for(lambda: "I have been elected leader" in log.read_text())
        logs = [
            worker.log(
                "worker", start, f"{classes}.worker.Worker", self.master,
                "--host", worker.address, "--cores", "1", "--memory", "2g",
                "--webui-port", "0", "--work-dir", "/tmp/spark", PATH=path,
            )
            for worker in self.workers
        ]  # fmt: skip
        for log in logs:
            wait_for(lambda log=log: "Successfully registered with master" in log.read_text())


@pytest.fixture(scope="module")
def spark(site: Site) -> Iterator[SparkCluster]:
    machines = {
        name: replace(machine, environment={**machine.environment, **JAVA})
        for name, machine in site.machines.items()
    }
    cluster = SparkCluster(machines)
    cluster.start()
    yield cluster
    for machine in (cluster.head, *cluster.workers):
        machine.kill("org.apache.spark")


def test_a_killed_executor_changes_nothing(spark: SparkCluster) -> None:
    """All stages, the crawl over the network included."""
    root, alone = f"{BUCKET}/spark", f"{BUCKET}/alone"
    asked = (*spark.crawl(), "--set", "links.min_karma=90")
    code, output = spark.client.run(*spark.build(alone, "local", *asked, "--workers", "1"))
    assert code == 0, output
    killed: list[int] = []

    def kill_executor(machine: Machine) -> None:
        killed.extend(process.pid for process in machine.processes(EXECUTOR))
        machine.kill(EXECUTOR)

    with spark.struck(spark.on_spark(root, *asked), kill_executor) as (process, _):
        output = process.communicate()[0]
    assert process.returncode == 0, output
    assert killed and "tokens: done" in output
    assert spark.fingerprints(root) == spark.fingerprints(alone)


def test_a_folder_that_is_another_on_each_machine_is_refused(spark: SparkCluster) -> None:
    code, output = spark.client.run(*spark.on_spark("/tmp/corpus", "--until=links"))
    assert code != 0
    assert "is not the one that this process sees" in one_line(output)
