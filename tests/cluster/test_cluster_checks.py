"""A cluster is proven by one command."""

from __future__ import annotations

import sys

import pytest
from cluster.conftest import DaskCluster
from cluster.site import BUCKET
from conformance.options import only

pytestmark = pytest.mark.system


def test_a_cluster_is_proven_by_one_command(cluster: DaskCluster) -> None:
    """The preflight, conformance cases and the sample's build, on three machines.

    Cases of grouping and of state, which need all workers; tests/conformance has the rest on dask.
    """
    code, output = cluster.client.run(
        sys.executable, "-P", "-m", "pipeline", "runner", "check", "dask",
        "--at", f"{BUCKET}/check", "--set", f"runner.dask.scheduler={cluster.scheduler}",
        *only("grouping", "state"),
    )  # fmt: skip
    assert code == 0, output
    assert "cases as on FnApiRunner" in output
    assert "all 7 fingerprints" in output
