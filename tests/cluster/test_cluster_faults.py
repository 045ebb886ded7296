"""What breaks in the middle of a build on three machines, and what then comes of it.

Each build takes pages from an archive in the store and ends with the documents; the fault
comes while the machine that it strikes extracts text.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from cluster.conftest import BUCKET, WORKERS, Cluster
from cluster.machines import Machine, wait_for

pytestmark = pytest.mark.system

STAGES = ("links", "pages", "documents")
SMALL = ("--set", "links.min_karma=90", "--until", "documents")


@pytest.fixture(scope="module")
def expected(cluster: Cluster) -> dict[str, str]:
    """The fingerprints of the same build by one worker in one process."""
    root = f"{BUCKET}/one"
    command = [*cluster.on_cluster(root, *cluster.archive(), *SMALL), "--workers", "1"]
    command[command.index("dask")] = "local"
    code, said = cluster.client.run(*command)
    assert code == 0, said
    return cluster.fingerprints(root, STAGES)


def command(cluster: Cluster, root: str) -> list[str]:
    return cluster.on_cluster(root, *cluster.archive(), *SMALL)


def extracting(cluster: Cluster) -> Machine | None:
    """A machine on which text is extracted at this moment."""
    for name in WORKERS:
        if cluster.machines[name].processes("documents.worker"):
            return cluster.machines[name]
    return None


@contextmanager
def struck(
    cluster: Cluster, root: str, strike: Callable[[Machine], None]
) -> Iterator[tuple[subprocess.Popen[str], Machine]]:
    """A build into `root`, and the machine that was struck while it extracted text."""
    for name in WORKERS:  # a build leaves processes behind that wait for the next pages
        cluster.machines[name].kill("documents.worker")
    process = cluster.client.start(*command(cluster, root))
    try:
        victim = wait_for(partial(extracting, cluster))
        strike(victim)
        yield process, victim
    finally:
        process.kill()
        process.wait()


def one_line(said: str) -> str:
    """The only line of an error; the rest are progress."""
    lines = [line for line in said.splitlines() if line.startswith("webtext: ")]
    assert len(lines) == 1 and "Traceback" not in said, said
    return lines[0]


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
    name: str, strike: Callable[[Machine], None], cluster: Cluster, expected: dict[str, str]
) -> None:
    cluster.settle()
    root = f"{BUCKET}/without-{name}"
    with struck(cluster, root, strike) as (process, _):
        said = process.communicate()[0]
    assert process.returncode == 0, said
    assert cluster.fingerprints(root, STAGES) == expected


def test_a_lost_scheduler_ends_the_build_and_the_next_goes_on(
    cluster: Cluster, expected: dict[str, str]
) -> None:
    cluster.settle()
    root = f"{BUCKET}/scheduler"
    with struck(cluster, root, lambda _: cluster.machines["scheduler"].kill()) as (process, _):
        said = process.communicate()[0]
    assert process.returncode == 1
    assert "scheduler" in one_line(said)
    cluster.settle()
    code, said = cluster.client.run(*command(cluster, root))
    assert code == 0 and "pages: up to date" in said and "documents: done" in said, said
    assert cluster.fingerprints(root, STAGES) == expected


def test_a_full_disk_of_one_machine_is_said_and_the_next_build_goes_on(
    cluster: Cluster, expected: dict[str, str]
) -> None:
    cluster.settle()
    root = f"{BUCKET}/disk"
    with struck(cluster, root, Machine.fill) as (process, victim):
        said = process.communicate()[0]
    victim.free()
    assert process.returncode == 1, said
    assert "No space left" in one_line(said)
    code, said = cluster.client.run(*command(cluster, root))
    assert code == 0 and "pages: up to date" in said and "documents: done" in said, said
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
    cluster: Cluster,
) -> None:
    cluster.settle()
    code, said = cluster.client.run(sys.executable, "-c", _SEGFAULT, cluster.scheduler)
    assert code == 0, said
    assert "killed its worker 4 times" in said
    cluster.wait_for_workers()
