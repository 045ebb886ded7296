"""Places that one machine reaches and another does not are found before a build begins."""

from __future__ import annotations

import pytest
from cluster.conftest import BUCKET, Cluster

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


def refusal(cluster: Cluster, root: str) -> str:
    """What a build into `root` says when it is refused."""
    code, said = cluster.client.run(*cluster.on_cluster(root, *cluster.archive(), "--until=links"))
    lines = [line for line in said.splitlines() if line.startswith("webtext: ")]
    assert code != 0 and len(lines) == 1 and "Traceback" not in said, said
    return lines[0]


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
