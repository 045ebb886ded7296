"""Profiles of Beam's own runners: options that Beam's parsers take, and what is told before."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    GoogleCloudOptions,
    PortableOptions,
    SparkRunnerOptions,
    StandardOptions,
    WorkerOptions,
)

from pipeline.engine.runners.beam_kind import BeamKind
from pipeline.engine.runners.beam_runner import parse_options
from pipeline.engine.runners.profiles import read_profile
from pipeline.store.errors import SettingError, WebtextError

IMAGE = 'environment_config="registry/webtext-worker:1.0"'


def profile(name: str, *settings: str) -> BeamKind:
    read = read_profile(name, [f"runner.{name}.{setting}" for setting in settings])
    kind = read.chosen()
    assert isinstance(kind, BeamKind)
    return kind


def test_flink_options_are_beams() -> None:
    settings = profile("beam-flink", 'master="jobmanager:8081"', "parallelism=16", IMAGE)
    options = parse_options(settings.options())
    assert options.view_as(StandardOptions).runner == "FlinkRunner"
    flink, portable = options.view_as(FlinkRunnerOptions), options.view_as(PortableOptions)
    assert (flink.flink_master, flink.parallelism) == ("jobmanager:8081", 16)
    assert (flink.flink_version, flink.flink_submit_uber_jar) == ("2.0", True)
    assert portable.environment_type == "DOCKER"
    assert portable.environment_config == "registry/webtext-worker:1.0"


def test_a_job_service_goes_before_beams_own() -> None:
    settings = profile("beam-flink", 'job_endpoint="jobs:8099"', 'environment="LOOPBACK"')
    options = parse_options(settings.options())
    assert options.view_as(StandardOptions).runner == "PortableRunner"
    assert options.view_as(PortableOptions).job_endpoint == "jobs:8099"


def test_spark_options_are_beams() -> None:
    settings = profile("beam-spark", 'master="spark://m:7077"', 'rest_url="m:6066"', IMAGE)
    spark = parse_options(settings.options()).view_as(SparkRunnerOptions)
    assert (spark.spark_master_url, spark.spark_rest_url) == ("spark://m:7077", "m:6066")
    assert spark.spark_submit_uber_jar


def test_dataflow_options_are_beams() -> None:
    settings = profile(
        "dataflow", 'project="p"', 'region="europe-west4"', 'temp="gs://b/t/"', 'image="i:1"'
    )
    options = parse_options(settings.options())
    cloud, worker = options.view_as(GoogleCloudOptions), options.view_as(WorkerOptions)
    assert (cloud.project, cloud.region) == ("p", "europe-west4")
    assert (cloud.temp_location, cloud.staging_location) == ("gs://b/t/temp", "gs://b/t/staging")
    assert (worker.sdk_container_image, worker.max_num_workers) == ("i:1", 10)


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("beam-flink", ['environment="LOOPBACK"'], "runner.beam-flink.master is not set"),
        ("beam-flink", ['master="a:1"'], "environment_config is not set"),
        ("beam-spark", ['environment="LOOPBACK"'], "runner.beam-spark.master is not set"),
        ("portable", ['environment="LOOPBACK"'], "runner.portable.job_endpoint is not set"),
        ("dataflow", ['temp="/tmp"'], "is no gs:// address"),
        ("dataflow", ['temp="gs://b"'], "runner.dataflow.image is not set"),
        ("dataflow", ['temp="gs://b"', 'image="i"'], "runner.dataflow.project is not set"),
    ],
)
def test_what_a_profile_lacks_is_named(name: str, settings: list[str], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        profile(name, *settings).options()


def test_a_local_folder_is_refused_for_workers_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="a folder of this machine"):
        profile("beam-flink", 'master="a:1"', IMAGE).check(str(tmp_path))


def test_an_unreachable_master_is_named() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(WebtextError, match=f"Nothing answers at {address}"):
            profile("beam-flink", f'master="{address}"', IMAGE).check("s3://b/c")
    with pytest.raises(SettingError, match="is not host:port"):
        profile("beam-flink", 'master="jobmanager"', IMAGE).check("s3://b/c")


def test_java_is_asked_for_where_beam_submits_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(WebtextError, match="there is no `java` here"):
            profile("beam-flink", f'master="{address}"', IMAGE).check("s3://b/c")
        settings = profile("beam-flink", f'job_endpoint="{address}"', IMAGE)
        settings.check("s3://b/c")


def test_a_recipe_may_be_the_profile(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('[corpus]\nroot = "x"\n[runner]\nname = "dask"\nworkers = 3\n')
    assert read_profile(str(recipe), ["runner.workers=2"]).worker_count() == 2
    recipe.write_text("[runner]\nwokers = 3\n")
    with pytest.raises(SettingError, match="unknown key runner.wokers"):
        read_profile(str(recipe))
