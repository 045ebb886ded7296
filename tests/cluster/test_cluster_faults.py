"""What breaks in the middle of a build on three machines, and what then comes of it.

Each build takes pages from an archive in the store and ends with the documents; the fault
comes while the machine that it strikes extracts text.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from cluster.conftest import DaskCluster
from cluster.machines import Machine
from cluster.site import BUCKET, Site, one_line

pytestmark = pytest.mark.system

STAGES = ("links", "pages", "documents")
SMALL = ("--set", "links.min_karma=90", "--until", "documents")


@pytest.fixture(scope="module")
def expected(site: Site) -> dict[str, str]:
    """The fingerprints of the same build by one worker in one process."""
    root = f"{BUCKET}/one"
    command = site.build(root, "local", *site.archive(), *SMALL, "--workers", "1")
    code, output = site.client.run(*command)
    assert code == 0, output
    return site.fingerprints(root, STAGES)


def small(cluster: DaskCluster, root: str) -> list[str]:
    return cluster.on_dask(root, *cluster.archive(), *SMALL)


@pytest.mark.parametrize(
    ("name", "strike"),
    [
        ("worker", lambda machine: machine.kill("spawn_main")),
        ("machine", lambda machine: machine.kill()),
        ("link", lambda machine: machine.link("down")),
    ],
    ids=["a killed worker", "a killed worker with its nanny", "a cut link"],
)
def test_the_result_is_right_without(
    name: str, strike: Callable[[Machine], None], cluster: DaskCluster, expected: dict[str, str]
) -> None:
    root = f"{BUCKET}/without-{name}"
    with cluster.struck(small(cluster, root), strike) as (process, victim):
        cluster.broken.add(victim.name)
        output = process.communicate()[0]
    assert process.returncode == 0, output
    assert cluster.fingerprints(root, STAGES) == expected


def test_a_lost_scheduler_ends_the_build_and_the_next_goes_on(
    cluster: DaskCluster, expected: dict[str, str]
) -> None:
    root = f"{BUCKET}/scheduler"
    cluster.broken.add("head")
    with cluster.struck(small(cluster, root), lambda _: cluster.head.kill()) as (process, _):
        output = process.communicate()[0]
    assert process.returncode == 1
    assert "scheduler" in one_line(output)
    cluster.settle()
    goes_on(cluster, root, expected)


def test_a_full_disk_of_one_machine_is_said_and_the_next_build_goes_on(
    cluster: DaskCluster, expected: dict[str, str]
) -> None:
    root = f"{BUCKET}/disk"
    with cluster.struck(small(cluster, root), Machine.fill) as (process, victim):
        cluster.broken.add(victim.name)
        output = process.communicate()[0]
    victim.free()
    assert process.returncode == 1, output
    assert "No space left" in one_line(output)
    goes_on(cluster, root, expected)


def goes_on(cluster: DaskCluster, root: str, expected: dict[str, str]) -> None:
    """The same command takes what is finished, and ends with the same result."""
    code, output = cluster.client.run(*small(cluster, root))
    assert code == 0 and "pages: up to date" in output and "documents: done" in output, output
    assert cluster.fingerprints(root, STAGES) == expected


_SEGFAULT = """
import sys
from toy import Failing
from pipeline.store.errors import WebtextError
from pipeline.engine.runners.open import open_runner
from pipeline.engine.runners.profiles import read_profile
with open_runner(read_profile("dask", ["runner.dask.scheduler=" + sys.argv[1]])) as runner:
    try:
        runner.run(Failing("segfault"), "toy")
    except WebtextError as error:
        print(error)
"""


def test_a_function_that_segfaults_ends_with_one_error_and_the_cluster_lives(
    cluster: DaskCluster,
) -> None:
    code, output = cluster.client.run(sys.executable, "-c", _SEGFAULT, cluster.scheduler)
    assert code == 0, output
    assert "killed its worker 4 times" in output
    cluster.wait_for_workers()
