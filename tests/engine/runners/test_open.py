"""The runners as a build uses them: same bytes, errors as raised, lost workers, clean ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
from toy import Failing, kill_first, toy

from pipeline.engine.runners.cluster import DaskBuild
from pipeline.engine.runners.open import open_runner
from pipeline.engine.runners.profiles import RunnerSettings
from pipeline.engine.runners.runner_kind import OpenRunner
from pipeline.engine.stage import Effort
from pipeline.store.errors import SettingError, WebtextError


@pytest.fixture
def dask(dask_build: DaskBuild) -> DaskBuild:
    return dask_build


@pytest.fixture(scope="module")
def local() -> Iterator[OpenRunner]:
    with open_runner(RunnerSettings(workers=1)) as runner:
        yield runner


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a stage; of the manifest, what does not say when or how long."""
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    manifest = orjson.loads(found["_manifest.json"])
    manifest.pop("seconds"), manifest.pop("finished")
    return found | {"_manifest.json": orjson.dumps(manifest)}


def built(runner: OpenRunner, folder: Path) -> dict[str, bytes]:
    runner.run(toy(folder, units=7), "toy")
    found = contents(folder)
    assert len(found) == 15
    return found


@pytest.mark.parametrize(
    ("settings", "seconds", "runner"),
    [
        ({"workers": 1}, 1e6, "local"),
        ({"workers": 2}, 1e6, "dask"),
        ({"workers": 2}, 13.0, "local"),
        ({"workers": 2}, 25.0, "dask"),
        ({"workers": 16}, 13.0, "dask"),
        ({"workers": 2, "name": "dask"}, 0.1, "dask"),
        ({"workers": 2, "name": "local"}, 1e6, "local"),
        ({"dask": {"scheduler": "tcp://127.0.0.1:9"}}, 0.1, "dask"),
        ({"dask": {"cluster": "ssh"}}, 0.1, "dask"),
    ],
)
def test_auto_takes_workers_where_they_save_time(
    settings: dict[str, Any], seconds: float, runner: str
) -> None:
    many = Effort(seconds, 1000, steps=4)
    assert RunnerSettings.checked(settings, "test").for_work(many).name == runner


def test_workers_that_are_there_take_smaller_stages() -> None:
    two = RunnerSettings(workers=2)
    efforts = [Effort(seconds, 1000, steps=4) for seconds in (4.0, 8.0)]
    assert [two.resolved(effort, started=True) for effort in efforts] == ["local", "dask"]


@pytest.mark.parametrize(("units", "runner"), [(1, "local"), (2, "dask"), (3, "dask")])
def test_a_stage_of_one_unit_stays_in_this_process(units: int, runner: str) -> None:
    """Two workers do three units in two rounds, one in one."""
    assert RunnerSettings(workers=2).resolved(Effort(30.0, units)) == runner


def test_a_stage_has_the_same_bytes(local: OpenRunner, dask: OpenRunner, tmp_path: Path) -> None:
    expected = built(local, tmp_path / "local")
    assert local.name == "FnApiRunner"
    assert built(dask, tmp_path / "dask") == expected
    with open_runner(RunnerSettings(workers=1), ["--direct_runner_bundle_repeat=2"]) as repeated:
        assert built(repeated, tmp_path / "repeated") == expected


@pytest.mark.system
def test_a_stage_has_the_same_bytes_on_other_clusters_and_prism(
    local: OpenRunner, prism: Path, tmp_path: Path
) -> None:
    expected = built(local, tmp_path / "local")
    for workers in (1, 3):
        with open_runner(RunnerSettings(name="dask", workers=workers)) as runner:
            assert built(runner, tmp_path / f"dask{workers}") == expected
    with open_runner(RunnerSettings(name="prism"), [f"--prism_location={prism}"]) as runner:
        assert built(runner, tmp_path / "prism") == expected


def check_errors(runner: OpenRunner) -> None:
    with pytest.raises(WebtextError) as caught:
        runner.run(Failing("webtext"), "toy")
    assert (caught.value.what, caught.value.remedy) == (
        "File a.b [x] is cut at 7.5 GB",
        "Fetch it again. Then run again",
    )
    with pytest.raises(SettingError) as wrong:
        runner.run(Failing("setting"), "toy")
    assert (wrong.value.what, wrong.value.remedy) == (
        "links.sources matches nothing",
        "Check the path",
    )
    with pytest.raises(WebtextError, match=r"Stage toy failed: .*7 is odd\. Run again") as other:
        runner.run(Failing("value"), "toy")
    assert other.value.__cause__ is not None


def test_errors_of_workers_arrive_as_raised(local: OpenRunner, dask: OpenRunner) -> None:
    check_errors(local)
    check_errors(dask)
    with pytest.raises(KeyboardInterrupt):  # it came to the thread of a step
        local.run(Failing("interrupt"), "toy")


@pytest.mark.system
def test_errors_of_prism_arrive_as_raised(prism: Path) -> None:
    with open_runner(RunnerSettings(name="prism"), [f"--prism_location={prism}"]) as runner:
        check_errors(runner)


def test_a_killed_worker_changes_nothing(
    local: OpenRunner, dask: DaskBuild, tmp_path: Path
) -> None:
    expected = built(local, tmp_path / "local")
    pids = tmp_path / "pids"
    pids.mkdir()
    killed: list[int] = []

    killer = kill_first(pids, killed)
    dask.run(toy(tmp_path / "dask", 7, seconds=0.2, pids=str(pids)), "toy")
    killer.join()
    while psutil.pid_exists(killed[0]):  # until its nanny has seen it
        time.sleep(0.1)
    assert contents(tmp_path / "dask") == expected


@pytest.mark.system
def test_a_step_that_kills_its_worker_ends_with_an_error(dask: OpenRunner) -> None:
    with pytest.raises(WebtextError, match="killed its worker 4 times"):
        dask.run(Failing("abort"), "toy")


def test_threads_are_refused() -> None:
    options = ["--direct_running_mode=multi_threading"]
    with (
        pytest.raises(SettingError, match="multi_threading"),
        open_runner(RunnerSettings(), options),
    ):
        pass


def test_a_scheduler_that_is_not_there_is_named() -> None:
    settings = RunnerSettings.checked({"dask": {"scheduler": "tcp://127.0.0.1:9"}}, "test")
    with pytest.raises(WebtextError, match="127.0.0.1:9"), open_runner(settings):
        pass
