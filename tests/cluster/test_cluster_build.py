"""A crawl by machines that share nothing but an object store, and places they do not reach."""

from __future__ import annotations

from pathlib import Path

import pytest
from cluster.conftest import DaskCluster
from cluster.site import BUCKET, fingerprints_of, one_line

pytestmark = pytest.mark.system
STAGES = ("links", "pages", "documents")


def test_three_machines_crawl_what_one_machine_crawls(
    cluster: DaskCluster, sample_root: Path
) -> None:
    """From the dumps to the texts; `test_cluster_checks.py` has all stages, from an archive."""
    root = f"{BUCKET}/crawled"
    code, output = cluster.client.run(*cluster.on_dask(root, *cluster.crawl(), "--until=documents"))
    assert code == 0, output
    assert cluster.fingerprints(root, STAGES) == fingerprints_of(str(sample_root), STAGES)


def refusal(cluster: DaskCluster, root: str) -> str:
    """What a build into `root` says when it is refused."""
    code, output = cluster.client.run(*cluster.on_dask(root, *cluster.archive(), "--until=links"))
    assert code != 0
    return one_line(output)


def test_a_folder_that_is_another_on_each_machine_is_refused(cluster: DaskCluster) -> None:
    reason = refusal(cluster, "/tmp/corpus")
    assert "/tmp/corpus of worker tcp://" in reason
    assert "is not the one that this process sees" in reason and "s3://bucket" in reason


def test_a_worker_that_does_not_reach_the_store_is_named(cluster: DaskCluster) -> None:
    lost, store = cluster.machines["worker3"], cluster.machines["store"]
    cluster.broken.add(lost.name)
    lost.kill()
    cluster.start_worker(lost, AWS_ENDPOINT_URL=f"http://{store.address}:5001")
    cluster.wait_for_workers()
    reason = refusal(cluster, f"{BUCKET}/unseen")
    assert f"Worker tcp://{lost.address}:" in reason
    assert f"cannot write to {BUCKET}/unseen" in reason
