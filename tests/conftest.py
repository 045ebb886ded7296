"""Fixtures that all tests share: the command, real input, and the sample built once."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import PROJECT, Run, sample_settings


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

    def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pipeline", *arguments],
            cwd=PROJECT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            **options,  # type: ignore[call-overload]
        )

    return run


@pytest.fixture(scope="session")
def replay() -> Iterator[str]:
    """The address of a replay server on loopback that serves the sample's pages."""
    from pipeline.quickstart import replay_server

    with replay_server() as address:
        yield address


@pytest.fixture(scope="session")
def sample_root(tmp_path_factory: pytest.TempPathFactory, webtext: Run, replay: str) -> Path:
    """The sample's corpus, built by one worker; one for all test processes. Do not change it."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    root = base / "sample"
    with (base / "sample.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (base / "sample.done").exists():
            done = webtext("build", "quickstart", *sample_settings(root, replay), "--workers", "1")
            assert done.returncode == 0, done.stdout
            (base / "sample.done").touch()
    return root
