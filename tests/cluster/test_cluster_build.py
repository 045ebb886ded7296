"""A build on three machines that share nothing but an object store."""

from __future__ import annotations

from pathlib import Path

import pytest
from cluster.conftest import Cluster, fingerprints_of

pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]


def test_three_machines_build_what_one_process_builds(cluster: Cluster, sample_root: Path) -> None:
    """From the dumps to shards, the crawl included."""
    root = "s3://corpora/three"
    code, said = cluster.client.run(*cluster.on_cluster(root, *cluster.crawl()), seconds=1000)
    assert code == 0, said
    assert cluster.fingerprints(root) == fingerprints_of(str(sample_root))
