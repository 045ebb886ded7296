"""`webtext runner check` over Beam's portable protocol; `tests/cluster` has it on dask."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conformance.options import only
from support import Run, free_ports, wait_for_port

from pipeline.conformance import GROUPS
from pipeline.conformance.check import check_group
from pipeline.engine.runners.open import open_runner
from pipeline.engine.runners.profiles import RunnerSettings


def test_a_folder_in_use_is_refused(webtext: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    done = webtext("runner", "check", "dask", f"--at={tmp_path}")
    assert done.returncode == 2 and "is not empty" in done.stdout
    assert (tmp_path / "mine").read_text() == "precious"


def test_a_group_may_be_left_out_whole(tmp_path: Path) -> None:
    with open_runner(RunnerSettings(workers=1)) as runner:
        assert check_group("sinks", runner, str(tmp_path), [*GROUPS["sinks"]]) == 0


@contextmanager
def server(port: int, *arguments: str) -> Iterator[None]:
    """A Python module that serves a port, until the block ends."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # pools start `python`
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "PATH": path},
    )
    try:
        wait_for_port(port, process)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.system
def test_beams_job_service_with_an_external_worker_pool_is_proven(
    webtext: Run, tmp_path: Path
) -> None:
    """The portable protocol that Flink and Spark speak, over Beam's own servers.

    Of the cases those of state, the furthest from what our stages do.
    """
    jobs, pool = free_ports(2)
    service = "apache_beam.runners.portability.local_job_service_main"
    workers = "apache_beam.runners.worker.worker_pool_main"
    with (
        server(jobs, service, "--port", str(jobs)),
        server(pool, workers, "--service_port", str(pool)),
    ):
        done = webtext(
            "runner",
            "check",
            "portable",
            f"--at={tmp_path}/at",
            f"--set=runner.portable.job_endpoint=127.0.0.1:{jobs}",
            '--set=runner.portable.environment="EXTERNAL"',
            f"--set=runner.portable.environment_config=127.0.0.1:{pool}",
            *only("state"),
        )
    assert done.returncode == 0, done.stdout
    assert "all 7 fingerprints" in done.stdout
