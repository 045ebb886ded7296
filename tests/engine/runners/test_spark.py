"""The runner `spark`: its settings as tables, and the same work on a Spark of this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import apache_beam as beam
import psutil
import pytest
from support import TESTS_PATH
from toy import Failing, kill_first, toy

from pipeline.conformance import GROUPS
from pipeline.conformance.check import check_group
from pipeline.engine.runners.on_spark import OnSpark
from pipeline.engine.runners.open import open_runner
from pipeline.engine.runners.profiles import RunnerSettings, read_profile
from pipeline.engine.runners.runner_kind import OpenRunner
from pipeline.engine.runners.spark_settings import SparkSettings
from pipeline.store.errors import SettingError, WebtextError


def settings(**values: Any) -> SparkSettings:
    return SparkSettings.checked(values, "test")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {"spark.master": "local[3,4]", "spark.driver.host": "127.0.0.1"}),
        ({"master": "local[2]"}, {"spark.master": "local[2,4]"}),
        ({"master": "local"}, {"spark.master": "local[1,4]"}),
        (
            {"master": "spark://m:7077", "executors": 4, "cores": 2, "host": "10.0.0.1"},
            {
                "spark.master": "spark://m:7077",
                "spark.cores.max": "8",
                "spark.executor.cores": "2",
                "spark.driver.host": "10.0.0.1",
            },
        ),
        (
            {"master": "yarn", "cores": 3, "memory_limit_mb": 1000},
            {"spark.executor.memoryOverhead": "3000m", "spark.executor.memory": "1000m"},
        ),
        (
            {"master": "k8s://https://h", "kubernetes": {"image": "i:1", "namespace": "n"}},
            {"spark.kubernetes.container.image": "i:1", "spark.kubernetes.namespace": "n"},
        ),
        ({"conf": {"spark.ui.enabled": "true"}}, {"spark.ui.enabled": "true"}),
    ],
)
def test_settings_are_properties_of_spark(values: dict[str, Any], expected: dict[str, str]) -> None:
    found = settings(**values).properties(workers=3)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["runner.spark.master=mesos://m"], "not of the form"),
        (['runner.spark.conf={"spark.executor.cores"="2"}'], "set by runner.spark.cores"),
        (['runner.spark.conf={"ui"="true"}'], "no property of Spark"),
        (['runner.spark.conf={"spark.dynamicAllocation.enabled"="true"}'], "set executors"),
        (["runner.spark.rest_url=m:6066"], r"\[runner.beam-spark\]"),
        (["runner.flink.master=m:8081"], "flink is now beam-flink"),
    ],
)
def test_what_a_section_of_spark_cannot_say(overrides: list[str], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        read_profile("spark", overrides)


@pytest.mark.parametrize(
    ("values", "processes", "limited"),
    [
        ({"master": "local[3]"}, 3, False),
        ({"master": "spark://m:7077", "executors": 4, "cores": 2}, 8, False),
        ({"master": "spark://m:7077"}, 5, False),
        ({"master": "yarn", "cores": 4}, 8, True),
    ],
)
def test_a_plan_knows_how_much_carries_it(
    values: dict[str, Any], processes: int, limited: bool
) -> None:
    kind = OnSpark(RunnerSettings(workers=5), settings(**values))
    assert (kind.processes(), kind.memory_limit() is not None) == (processes, limited)


ABORTED = "org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ABORTED + "failed 4 times: Python worker exited unexpectedly (crashed)", "killed its"),
        (ABORTED + "failed 4 times: ExecutorLostFailure (executor 3 exited", "killed its worker"),
        (
            "[PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.12 than that in "
            "driver: 3.11, PySpark cannot run",
            "runs Python 3.12, this process 3.11",
        ),
        ("ModuleNotFoundError: No module named 'pipeline'", "No module named 'pipeline'"),
        (ABORTED + "was cancelled\n\tat org.apache", "Spark ended the job: Job aborted due to"),
    ],
)
def test_what_spark_says_becomes_one_line(text: str, message: str) -> None:
    pytest.importorskip("pyspark", reason="needs the extra `spark`")
    from pipeline.engine.runners.spark_build import job_error

    found = str(job_error(text))
    assert message in found and "\n" not in found


def test_a_master_that_is_not_there_is_named() -> None:
    pytest.importorskip("pyspark", reason="needs the extra `spark`")
    with (
        pytest.raises(WebtextError, match="Nothing answers at 127.0.0.1:9"),
        open_runner(read_profile("spark", ["runner.spark.master=spark://127.0.0.1:9"])),
    ):
        pass


needs_spark = pytest.mark.skipif(
    shutil.which("java") is None or find_spec("pyspark") is None,
    reason="needs Java 17 and the extra `spark`",
)


@pytest.fixture(scope="module")
def spark() -> Iterator[OpenRunner]:
    own = settings(
        master="local[2]", partitions=4, conf={"spark.executorEnv.PYTHONPATH": TESTS_PATH}
    )
    with open_runner(RunnerSettings(name="spark").model_copy(update={"spark": own})) as runner:
        started = javas()
        assert started
        yield runner
    assert not started & javas()


@pytest.mark.system
@needs_spark
class TestOnThisMachine:
    def test_a_stage_has_the_same_parts(self, spark: OpenRunner, tmp_path: Path) -> None:
        with open_runner(RunnerSettings(name="local")) as local:
            local.run(toy(tmp_path / "local", units=7), "toy")
        spark.run(toy(tmp_path / "spark", units=7), "toy")
        assert parts(tmp_path / "spark") == parts(tmp_path / "local")
        assert len(parts(tmp_path / "spark")) == 14
        done, _, total = spark.activity().removesuffix(" tasks").partition("/")
        assert done == total

    @pytest.mark.parametrize("group", ["grouping", "sides"])
    def test_cases_of_conformance_are_as_on_fnapirunner(
        self, group: str, spark: OpenRunner, tmp_path: Path
    ) -> None:
        """What stages use most; `webtext runner check spark` has all cases."""
        assert check_group(group, spark, str(tmp_path), ()) == len(GROUPS[group])

    def test_an_empty_flatten_reads_nothing(self, spark: OpenRunner, tmp_path: Path) -> None:
        spark.run(Nothing(str(tmp_path / "count")), "nothing")
        assert (tmp_path / "count").read_text() == "0"

    def test_errors_arrive_as_raised(self, spark: OpenRunner) -> None:
        with pytest.raises(WebtextError) as caught:
            spark.run(Failing("webtext"), "toy")
        assert caught.value.what == "File a.b [x] is cut at 7.5 GB"
        assert caught.value.remedy == "Fetch it again. Then run again"
        with pytest.raises(SettingError, match="links.sources matches nothing"):
            spark.run(Failing("setting"), "toy")
        with pytest.raises(WebtextError, match=r"Stage toy failed: .*7 is odd\. Run again"):
            spark.run(Failing("value"), "toy")

    def test_a_killed_process_changes_nothing(self, spark: OpenRunner, tmp_path: Path) -> None:
        pids = tmp_path / "pids"
        pids.mkdir()
        killed: list[int] = []

        killer = kill_first(pids, killed)
        spark.run(toy(tmp_path / "killed", 7, seconds=0.2, pids=str(pids)), "toy")
        killer.join()
        assert killed and len(list(pids.iterdir())) > 1
        spark.run(toy(tmp_path / "whole", 7), "toy")
        assert parts(tmp_path / "killed") == parts(tmp_path / "whole")

    def test_a_step_that_kills_its_process_ends_with_one_error(self, spark: OpenRunner) -> None:
        with pytest.raises(WebtextError, match="killed its worker 4 times"):
            spark.run(Failing("abort"), "toy")


def javas() -> set[int]:
    """The Java processes below this one."""
    children = psutil.Process().children(recursive=True)
    return {child.pid for child in children if "java" in child.name()}


def parts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


class Nothing(beam.PTransform):
    """Counts the elements of a Flatten of no collection."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection:
        nothing = () | beam.Flatten(pipeline=root.pipeline)
        side = beam.pvalue.AsList(nothing | beam.Map(str))
        return root | beam.Create([self._path]) | "Count" >> beam.Map(count, side)


def count(path: str, side: list[str]) -> None:
    Path(path).write_text(str(len(side)))


@pytest.mark.parametrize("missing", ["pyspark", "java"])
def test_what_spark_needs_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = "pyspark" if missing == "pyspark" or find_spec("pyspark") is None else "java"
    if missing == "pyspark":
        monkeypatch.setattr("pipeline.engine.runners.on_spark.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with (
        pytest.raises(WebtextError, match=wanted),
        open_runner(RunnerSettings(name="spark")),
    ):
        pass
