"""Fixtures that all tests share: the command, real input, and the sample built once."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import dask
import hypothesis
import pytest
from forks import run_python
from hub_server import TOKEN, Hub, hub_server
from january import January, build_january
from support import PROJECT, TESTS_PATH, Run, sample_settings

from pipeline.engine.runners.cluster import DaskBuild
from pipeline.engine.runners.dask_settings import DaskSettings
from pipeline.engine.runners.open import open_runner
from pipeline.engine.runners.profiles import RunnerSettings

# An example that took longer than usual says that the machine is busy, and nothing else.
hypothesis.settings.register_profile("any load", deadline=None)
hypothesis.settings.load_profile("any load")

# Processes of xdist's are told a width by readline, and commands believe it of a terminal.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)

#: Files of tests that take minutes, the longest first: where two processes share the tests, these
#: begin first, so that none is left to run alone.
LONGEST = (
    "test_january.py",
    "test_backfill.py",
    "test_worker_image.py",
    "test_wheel.py",
    "test_check.py",
    "test_remote_storage.py",
    # One after the other, as they share their machines.
    "test_cluster_faults.py",
    "test_cluster_checks.py",
    "test_spark_cluster.py",
    "test_cluster_build.py",
    "test_cluster_ssh.py",
)


#: Fixtures of what neither comes with the project nor is installed with it.
ELSEWHERE = {"shared_data", "prism", "peers_python", "airflow_python"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest files first; the rest stays as it is.

    Refuses a test that would be skipped in `make test` where something is not at hand.
    """
    for item in items:
        asked = ELSEWHERE.intersection(getattr(item, "fixturenames", ()))
        if asked and item.get_closest_marker("system") is None:
            raise pytest.UsageError(f"{item.nodeid} needs {asked}: mark it `system`")
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(LONGEST)))


@pytest.fixture(scope="session")
def dask_build() -> Iterator[DaskBuild]:
    """Our runner on two local workers of dask, which can import `toy`; one for a test process."""
    # Not by the environment of this process: `tests/trainer` would hide `trainer` from commands.
    path = {"distributed.nanny.pre-spawn-environ.PYTHONPATH": TESTS_PATH}
    settings = RunnerSettings(name="dask", workers=2, dask=DaskSettings(partitions=4))
    with dask.config.set(path), open_runner(settings) as build:
        assert isinstance(build, DaskBuild)
        yield build


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real input that lies beside the project where there is one."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the real input of ../shared/data, which is not here")
    return folder


@pytest.fixture(scope="session")
def prism() -> Path:
    """Beam's Prism runner: $WEBTEXT_PRISM or ../shared/prism/prism."""
    place = Path(os.environ.get("WEBTEXT_PRISM", PROJECT.parent / "shared" / "prism" / "prism"))
    if not place.is_file():
        pytest.skip("needs Beam's Prism runner: set WEBTEXT_PRISM to its path")
    return place


@pytest.fixture(scope="session")
def peers_python() -> Path:
    """The Python of the environment with other people's systems (`make peers`)."""
    place = PROJECT / ".venv-peers" / "bin" / "python"
    if not place.is_file():
        pytest.skip("needs the peers' environment: run `make peers`")
    return place


@pytest.fixture(scope="session")
def airflow_python() -> Path:
    """The Python of Airflow's own environment (`make airflow`)."""
    place = PROJECT / ".venv-airflow" / "bin" / "python"
    if not place.is_file():
        pytest.skip("needs Airflow's environment: run `make airflow`")
    return place


@pytest.fixture(scope="session")
def webtext() -> Run:
    """Runs the real `webtext` command in the project's folder; output is merged."""

    def run(
        *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = ("-m", "pipeline", *arguments)
        return run_python(*command, folder=PROJECT, environment=environment)

    return run


@pytest.fixture(scope="session")
def replay() -> Iterator[str]:
    """The address of a replay server on loopback that serves the sample's pages."""
    from pipeline.cli.demo import replay_server

    with replay_server() as address:
        yield address


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hugging Face Hub on loopback, to which this process is logged in."""
    with hub_server() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        yield hub


@pytest.fixture(scope="session")
def sample_root(tmp_path_factory: pytest.TempPathFactory, webtext: Run, replay: str) -> Path:
    """The sample's corpus, built by one worker; one for all test processes. Do not change it."""

    def build(root: Path) -> None:
        done = webtext("build", "quickstart", *sample_settings(root, replay), "--workers", "1")
        assert done.returncode == 0, done.stdout

    return _made_once(tmp_path_factory, "sample", build)


@pytest.fixture(scope="session")
def january(tmp_path_factory: pytest.TempPathFactory, webtext: Run, shared_data: Path) -> January:
    """January 2024 built by two workers; one for all test processes. Do not change it."""

    def build(root: Path) -> None:
        build_january(root, shared_data, webtext)

    return January(_made_once(tmp_path_factory, "january", build))


def _made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    root = base / name
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (base / f"{name}.done").exists():
            make(root)
            (base / f"{name}.done").touch()
    return root
