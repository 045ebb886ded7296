"""A standalone Spark cluster: one master and three workers on machines of their own."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

import pytest
from cluster.conftest import BUCKET, WORKERS, Cluster
from cluster.machines import Machine, wait_for

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        shutil.which("java") is None or find_spec("pyspark") is None,
        reason="needs Java 17 and the extra `spark`",
    ),
]

STAGES = ("links", "pages", "documents")
SMALL = ("--set", "links.min_karma=90", "--until", "documents")
EXECUTOR = "CoarseGrainedExecutorBackend"


@dataclass
class SparkCluster:
    """The same machines as dask's, with Spark on them."""

    machines: Cluster

    @property
    def client(self) -> Machine:
        return self.machines.client

    @property
    def master(self) -> str:
        return f"spark://{self.machines.machines['scheduler'].address}:7077"

    def build(self, root: str, *more: str) -> list[str]:
        """A build of the sample into `root`, until its documents."""
        command = self.machines.on_cluster(root, *self.machines.archive(), *SMALL, *more)
        at = command.index(f"runner.dask.scheduler={self.machines.scheduler}")
        command[at] = f"runner.spark.master={self.master}"
        command[command.index("dask")] = "spark"
        return [*command, "--set", f"runner.spark.host={self.client.address}"]

    def extracting(self) -> Machine | None:
        """A machine on which text is extracted at this moment."""
        for name in WORKERS:
            if self.machines.machines[name].processes("documents.worker"):
                return self.machines.machines[name]
        return None


@pytest.fixture(scope="module")
def spark(cluster: Cluster) -> Iterator[SparkCluster]:
    """Master and workers, as docs/runners.md starts them."""
    found = SparkCluster(cluster)
    spark_class = shutil.which("spark-class", path=sys.prefix + "/bin")
    assert spark_class
    for name in ("scheduler", *WORKERS):
        cluster.machines[name].kill()
    head = cluster.machines["scheduler"]
    log = head.log(
        "spark", spark_class, "org.apache.spark.deploy.master.Master",
        "--host", head.address, "--port", "7077", "--webui-port", "0",
    )  # fmt: skip
    wait_for(lambda: "I have been elected leader" in log.read_text())
    for name in WORKERS:
        machine = cluster.machines[name]
        log = machine.log(
            "spark", spark_class, "org.apache.spark.deploy.worker.Worker", found.master,
            "--host", machine.address, "--cores", "1", "--memory", "2g",
            "--webui-port", "0", "--work-dir", "/tmp/spark",
        )  # fmt: skip
        wait_for(lambda log=log: "Successfully registered with master" in log.read_text())
    yield found
    for name in ("scheduler", *WORKERS):
        cluster.machines[name].kill()


@pytest.fixture(scope="module")
def expected(spark: SparkCluster) -> dict[str, str]:
    """The fingerprints of the same build by one worker in one process."""
    root = f"{BUCKET}/spark-one"
    command = spark.build(root, "--workers", "1")
    command[command.index("spark")] = "local"
    code, said = spark.client.run(*command)
    assert code == 0, said
    return spark.machines.fingerprints(root, STAGES)


def test_a_killed_executor_changes_nothing(spark: SparkCluster, expected: dict[str, str]) -> None:
    root = f"{BUCKET}/spark"
    process = spark.client.start(*spark.build(root))
    try:
        victim = wait_for(spark.extracting)
        before = {one.pid for one in victim.processes(EXECUTOR)}
        victim.kill(EXECUTOR)
        said = process.communicate()[0]
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, said
    assert before and "documents: done" in said
    assert spark.machines.fingerprints(root, STAGES) == expected


def test_a_folder_that_is_another_on_each_machine_is_refused(spark: SparkCluster) -> None:
    code, said = spark.client.run(*spark.build("/tmp/corpus"))
    lines = [line for line in said.splitlines() if line.startswith("webtext: ")]
    assert code != 0 and len(lines) == 1 and "Traceback" not in said, said
    assert "is not the one that this process sees" in lines[0]
