"""A cluster is proven by one command."""

from __future__ import annotations

import sys

import pytest
from cluster.conftest import DaskCluster
from cluster.site import BUCKET

pytestmark = pytest.mark.system


def test_a_cluster_is_proven_by_one_command(cluster: DaskCluster) -> None:
    """The preflight, the conformance cases and the sample's build, on three machines."""
    code, output = cluster.client.run(
        sys.executable, "-P", "-m", "pipeline", "runner", "check", "dask",
        "--at", f"{BUCKET}/check", "--set", f"runner.dask.scheduler={cluster.scheduler}",
    )  # fmt: skip
    assert code == 0, output
    assert "cases as on FnApiRunner" in output
    assert "all 7 fingerprints" in output
