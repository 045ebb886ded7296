"""Clusters that a build makes on other machines: Slurm by its own scripts, Kubernetes by its spec.

Slurm's `sbatch` and a Kubernetes cluster lie outside this machine.  In place of `sbatch`
stands a script that runs the submitted job here: the workers are real.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from support import TESTS_PATH
from toy import toy

from pipeline.engine.runners.dask_settings import DaskSettings
from pipeline.engine.runners.open import open_runner
from pipeline.engine.runners.profiles import read_profile
from pipeline.engine.runners.provision import kubernetes_spec
from pipeline.engine.runners.scheduler_size import scheduler_memory
from pipeline.store.errors import SettingError

SBATCH = """#!/bin/sh
cp "$1" {seen}
setsid sh {seen} > {log} 2>&1 &
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/sh
kill -- -"$1" 2>/dev/null
exit 0
"""


@pytest.mark.system
def test_slurm_jobs_carry_a_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dask_jobqueue", reason="needs the extra `slurm`")
    seen, log = tmp_path / "job.sh", tmp_path / "log"
    for name, text in (("sbatch", SBATCH.format(seen=seen, log=log)), ("scancel", SCANCEL)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", TESTS_PATH)
    settings = read_profile(
        "dask",
        [
            'runner.dask.cluster="slurm"',
            'runner.dask.slurm.queue="long"',
            "runner.dask.slurm.processes=2",
            'runner.dask.slurm.interface="lo"',
            'runner.dask.slurm.directives=["--constraint=big"]',
            "runner.dask.start_timeout=1200",
        ],
    )
    with open_runner(settings, root=str(tmp_path)) as runner:
        assert runner.name == "dask, 2 workers"
        runner.run(toy(tmp_path / "toy", units=4), "toy")
    assert (tmp_path / "toy" / "_manifest.json").exists()
    script = seen.read_text()
    for line in ("#SBATCH -p long", "#SBATCH --constraint=big", "export PYTHONHASHSEED=0"):
        assert line in script
    assert "--nworkers 2" in script and "--nthreads 1" in script


def spec_of(overrides: Iterable[str]) -> dict[str, Any]:
    runner = read_profile("dask", overrides)
    return kubernetes_spec(runner.of(DaskSettings), runner.worker_count())


def test_the_kubernetes_resource_asks_for_what_workers_need() -> None:
    pytest.importorskip("dask_kubernetes", reason="needs the extra `kubernetes`")
    names = 'runner.dask.cluster="kubernetes"', "runner.workers=5"
    with pytest.raises(SettingError, match=r"runner\.dask\.kubernetes\.image is not set"):
        spec_of(names)
    image = 'runner.dask.kubernetes.image="registry/worker:1.0"'
    spec = spec_of([*names, image])
    assert spec["kind"] == "DaskCluster"
    worker = spec["spec"]["worker"]
    assert worker["replicas"] == 5
    container = worker["spec"]["containers"][0]
    assert container["image"] == "registry/worker:1.0"
    assert {"name": "PYTHONHASHSEED", "value": "0"} in container["env"]
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "2000M"}
    assert "--nthreads" in container["args"]
    (scheduler,) = spec["spec"]["scheduler"]["spec"]["containers"]
    memory = f"{scheduler_memory(2 * 5) // 10**6}M"
    assert scheduler["resources"] == {"requests": {"cpu": "1", "memory": memory}}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (['runner.dask.cluster="ssh"'], "names no worker|needs the package asyncssh"),
        (['runner.dask.cluster="kubernetes"'], "image is not set|needs the package"),
    ],
)
def test_what_a_cluster_lacks_is_named(settings: list[str], said: str) -> None:
    with (
        pytest.raises(SettingError, match=said),
        open_runner(read_profile("dask", settings), root="s3://b/c"),
    ):
        pass
