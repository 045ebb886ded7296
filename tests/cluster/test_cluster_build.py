"""A whole month on three machines that share nothing but an object store."""

from __future__ import annotations

from pathlib import Path

import pytest
from cluster.conftest import Cluster, fingerprints_of
from january import DUMPS, PAGES, VOCABULARY, January

pytestmark = pytest.mark.system


def test_three_machines_build_what_one_machine_builds(
    cluster: Cluster, january: January, shared_data: Path
) -> None:
    """From the dumps to shards, the crawl over the network included."""
    root = "s3://corpora/january"
    dumps = cluster.upload(*(shared_data / name for name in DUMPS))
    crawl = cluster.crawl(shared_data / PAGES)
    command = cluster.on_cluster(root, *crawl, "--set", VOCABULARY, dumps=dumps)
    code, said = cluster.client.run(*command)
    assert code == 0, said
    assert cluster.fingerprints(root) == fingerprints_of(str(january.root))
