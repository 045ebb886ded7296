"""A cluster is proven by one command; places that a machine does not reach are found before."""

from __future__ import annotations

import sys

import pytest
from cluster.conftest import BUCKET, Cluster

pytestmark = pytest.mark.system


def refusal(cluster: Cluster, root: str) -> str:
    """What a build into `root` says when it is refused."""
    code, said = cluster.client.run(*cluster.on_cluster(root, *cluster.archive(), "--until=links"))
    lines = [line for line in said.splitlines() if line.startswith("webtext: ")]
    assert code != 0 and len(lines) == 1 and "Traceback" not in said, said
    return lines[0]


def test_a_cluster_is_proven_by_one_command(cluster: Cluster) -> None:
    """The preflight, the conformance cases and the sample's build, on three machines."""
    cluster.settle()
    code, said = cluster.client.run(
        sys.executable, "-P", "-m", "pipeline", "runner", "check", "dask",
        "--at", f"{BUCKET}/check", "--set", f"runner.dask.scheduler={cluster.scheduler}",
    )  # fmt: skip
    assert code == 0, said
    assert "cases as on FnApiRunner" in said
    assert "all 7 fingerprints" in said


def test_a_folder_that_is_another_on_each_machine_is_refused(cluster: Cluster) -> None:
    cluster.settle()
    said = refusal(cluster, "/tmp/corpus")
    assert "/tmp/corpus of worker tcp://" in said
    assert "is not the one that this process sees" in said and "s3://bucket" in said


def test_a_worker_that_does_not_reach_the_store_is_named(cluster: Cluster) -> None:
    cluster.settle()
    lost, store = cluster.machines["worker3"], cluster.machines["store"]
    lost.kill()
    cluster.start_worker("worker3", AWS_ENDPOINT_URL=f"http://{store.address}:5001")
    cluster.wait_for_workers()
    said = refusal(cluster, f"{BUCKET}/unseen")
    lost.kill()
    assert f"Worker tcp://{lost.address}:" in said
    assert f"cannot write to {BUCKET}/unseen" in said
