"""A cluster of somebody else's: checked before anything is submitted, then used."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import distributed
import pytest
from support import PROJECT, TESTS_PATH
from toy import toy

from pipeline.engine.runners.open import open_runner
from pipeline.engine.runners.preflight import Installation, check_worker, installation
from pipeline.engine.runners.profiles import RunnerSettings
from pipeline.store.errors import WebtextError

Start = Callable[..., subprocess.Popen[bytes]]


@contextmanager
def processes(folder: Path) -> Iterator[Start]:
    """Starts dask's own commands; ends them with the block."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": TESTS_PATH, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        running.append(process)
        return process

    try:
        yield start
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait()


@contextmanager
def cluster(
    folder: Path, *worker: str, scheduler: dict[str, str] | None = None, **environment: str
) -> Iterator[RunnerSettings]:
    """A scheduler and one worker as commands; the settings that reach them."""
    file = folder / "scheduler.json"
    with processes(folder) as start:
        start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
              "--scheduler-file", str(file), **(scheduler or {}))  # fmt: skip
        start(
            "dask_worker", "--scheduler-file", str(file), "--no-dashboard", *worker, **environment
        )
        with distributed.Client(scheduler_file=str(file), set_as_default=False) as client:
            client.wait_for_workers(1)
            address = client.scheduler.address
        yield RunnerSettings.checked({"dask": {"scheduler": address}}, "test")


@pytest.mark.system
def test_an_existing_cluster_runs_a_stage(tmp_path: Path) -> None:
    with (
        cluster(tmp_path, "--nthreads=1", PYTHONHASHSEED="0") as settings,
        open_runner(settings) as runner,
    ):
        assert runner.name == "dask, 1 workers"
        runner.run(toy(tmp_path / "toy", units=3), "toy")
    assert len(list((tmp_path / "toy").iterdir())) == 7


@pytest.mark.system
@pytest.mark.parametrize(
    ("options", "said"),
    # Dask's nanny sets a hash seed by itself; a bare worker has that of its environment.
    [(["--nthreads=2"], "has 2 threads"), (["--nthreads=1", "--no-nanny"], "hash seed")],
    ids=["two threads", "random hash seed"],
)
def test_workers_that_could_go_wrong_are_refused(
    options: list[str], said: str, tmp_path: Path
) -> None:
    with (
        cluster(tmp_path, *options, PYTHONHASHSEED="random") as settings,
        pytest.raises(WebtextError, match=said),
        open_runner(settings),
    ):
        pass


def older_beam(folder: Path) -> dict[str, str]:
    """The environment of a process that has another Beam installed, as its metadata says."""
    said = folder / "apache_beam-2.76.0.dist-info"
    said.mkdir(parents=True)
    (said / "METADATA").write_text("Metadata-Version: 2.1\nName: apache-beam\nVersion: 2.76.0\n")
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(PROJECT)])}


def no_webtext(folder: Path) -> dict[str, str]:
    """The environment of a process in which this package is not installed."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'pipeline':\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}')\n"
        "sys.meta_path.insert(0, Missing())\n"
    )
    return {"PYTHONPATH": str(folder)}


@pytest.mark.system
@pytest.mark.parametrize("shape", [older_beam, no_webtext])
@pytest.mark.parametrize("role", ["Worker", "Scheduler"])
def test_a_machine_with_other_packages_is_refused(
    role: str, shape: Callable[[Path], dict[str, str]], tmp_path: Path
) -> None:
    said = "has apache-beam 2.76.0, this process" if shape is older_beam else "cannot load this"
    there = shape(tmp_path / "packages")
    worker = there if role == "Worker" else {"PYTHONHASHSEED": "0"}
    with (
        cluster(
            tmp_path, "--nthreads=1", scheduler={} if role == "Worker" else there, **worker
        ) as settings,
        pytest.raises(WebtextError, match=f"{role} tcp://.* {said}") as caught,
        open_runner(settings),
    ):
        pass
    assert caught.value.remedy


def test_each_difference_of_a_worker_has_its_own_error() -> None:
    here = installation()
    seeded = replace(here, hash_seed="0")
    check_worker("tcp://w", seeded)
    wrong: dict[str, Installation | BaseException] = {
        "runs Python 3.9": replace(seeded, python="3.9"),
        "apache-beam 2.0": replace(seeded, packages=here.packages | {"apache-beam": "2.0"}),
        "has webtext 0": replace(seeded, packages=here.packages | {"webtext": "0"}),
        "random hash seed": replace(here, hash_seed="random"),
        "has emoji 1.0, which adds to": replace(seeded, plugins=(*here.plugins, "emoji 1.0")),
        "cannot load this package": ModuleNotFoundError("No module named 'pipeline'"),
    }
    for said, found in wrong.items():
        with pytest.raises(WebtextError, match=said):
            check_worker("tcp://w", found)


@pytest.mark.system
def test_a_worker_that_joins_later_is_checked_as_well(tmp_path: Path) -> None:
    with cluster(tmp_path, "--nthreads=1", PYTHONHASHSEED="0") as settings:
        late = ("dask_worker", "--scheduler-file", str(tmp_path / "scheduler.json"), "--nthreads=1")
        with open_runner(settings) as runner, processes(tmp_path) as start:
            there = older_beam(tmp_path / "packages")
            refused = start(*late, "--no-dashboard", PYTHONHASHSEED="0", **there)
            refused.wait()
            while "refused" not in runner.activity():
                time.sleep(0.1)
            assert "has apache-beam 2.76.0, this process" in runner.activity()
            runner.run(toy(tmp_path / "toy", units=3), "toy")
