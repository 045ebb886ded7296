"""The options of Beam's own runners, rendered from a profile, and what must hold before."""

from __future__ import annotations

import shutil
import socket

from pipeline.engine.runners.profiles import (
    DataflowSettings,
    FlinkSettings,
    PortableSettings,
    RunnerSettings,
    SparkSettings,
)
from pipeline.store import files
from pipeline.store.errors import SettingError, WebtextError

_CONNECT = 5  # seconds


def beam_options(settings: RunnerSettings) -> list[str]:
    """`--runner=…` and all that goes with it; SettingError for a profile that lacks something."""
    name = settings.resolved()
    if name == "local":
        # FnApiRunner by name: DirectRunner becomes Prism or FnApiRunner by what the network allows.
        runner = ["--runner=FnApiRunner", "--direct_num_workers=1"]
        return [*runner, "--direct_running_mode=in_memory"]
    if name == "prism":
        return ["--runner=PrismRunner", "--environment_type=LOOPBACK"]
    if name == "flink":
        return _flink(settings.flink)
    if name == "spark":
        return _spark(settings.spark)
    if name == "dataflow":
        return _dataflow(settings.dataflow)
    needed(settings.portable.job_endpoint, "runner.portable.job_endpoint", "localhost:8099")
    return ["--runner=PortableRunner", *_portable(settings.portable)]


def needed(value: str, key: str, example: str) -> str:
    """The value; SettingError when it is empty."""
    if not value:
        raise SettingError(f"{key} is not set", f'Set it in the recipe: {key} = "{example}"')
    return value


def _portable(settings: PortableSettings) -> list[str]:
    options = [f"--environment_type={settings.environment}"]
    if settings.environment != "LOOPBACK":
        example = {
            "DOCKER": "registry/webtext-worker:1.0",
            "EXTERNAL": "localhost:50000",
            "PROCESS": '{"command": "/opt/apache/beam/boot"}',
        }[settings.environment]
        config = needed(settings.environment_config, "environment_config", example)
        options.append(f"--environment_config={config}")
    if settings.job_endpoint:
        options.append(f"--job_endpoint={settings.job_endpoint}")
    return options


def _flink(settings: FlinkSettings) -> list[str]:
    options = ["--runner=FlinkRunner", *_portable(settings)]
    if settings.job_endpoint:
        # A job server knows its Flink; Beam's FlinkRunner would start one of its own.
        options[0] = "--runner=PortableRunner"
    else:
        master = needed(settings.master, "runner.flink.master", "flink-jobmanager:8081")
        options += [f"--flink_master={master}", f"--flink_version={settings.version}"]
        # The pipeline as one jar to Flink's REST interface: no job server stays behind.
        options.append("--flink_submit_uber_jar")
    if settings.job_server_jar:
        options.append(f"--flink_job_server_jar={settings.job_server_jar}")
    if settings.parallelism:
        options.append(f"--parallelism={settings.parallelism}")
    return options


def _spark(settings: SparkSettings) -> list[str]:
    options = ["--runner=SparkRunner", *_portable(settings)]
    if settings.job_endpoint:
        options[0] = "--runner=PortableRunner"
    else:
        master = needed(settings.master, "runner.spark.master", "spark://spark-master:7077")
        options.append(f"--spark_master_url={master}")
    if settings.rest_url:
        options += [f"--spark_rest_url={settings.rest_url}", "--spark_submit_uber_jar"]
    if settings.job_server_jar:
        options.append(f"--spark_job_server_jar={settings.job_server_jar}")
    return options


def _dataflow(settings: DataflowSettings) -> list[str]:
    temp = needed(settings.temp, "runner.dataflow.temp", "gs://bucket/tmp").rstrip("/")
    if not temp.startswith("gs://"):
        raise SettingError(f"runner.dataflow.temp {temp} is no gs:// address", "Name a bucket")
    image = needed(settings.image, "runner.dataflow.image", "REGION-docker.pkg.dev/…/worker:1.0")
    options = [
        "--runner=DataflowRunner",
        f"--project={needed(settings.project, 'runner.dataflow.project', 'my-project')}",
        f"--region={needed(settings.region, 'runner.dataflow.region', 'europe-west4')}",
        f"--temp_location={temp}/temp",
        f"--staging_location={temp}/staging",
        f"--sdk_container_image={image}",
        f"--worker_machine_type={settings.machine_type}",
        f"--max_num_workers={settings.max_workers}",
        f"--disk_size_gb={settings.disk_gb}",
        # One Python process a core would each want the memory of a worker; threads would run
        # bundles of one process side by side, which stages do not expect.
        "--experiments=use_runner_v2",
        "--number_of_worker_harness_threads=1",
    ]
    if settings.service_account:
        options.append(f"--service_account_email={settings.service_account}")
    if settings.subnetwork:
        options.append(f"--subnetwork={settings.subnetwork}")
    return options


def check_beam_runner(settings: RunnerSettings, root: str) -> None:
    """Raises WebtextError for the first thing that would make a remote run fail.

    `root` is where stages write; workers on other machines cannot reach a local folder.
    """
    name = settings.resolved()
    if name in ("local", "prism"):
        return
    profile = {
        "flink": settings.flink,
        "spark": settings.spark,
        "portable": settings.portable,
        "dataflow": settings.dataflow,
    }[name]
    elsewhere = name == "dataflow" or getattr(profile, "environment", "") == "DOCKER"
    if elsewhere and root and not files.is_remote(root):
        raise SettingError(
            f"corpus.root {root} is a folder of this machine, which workers of {name} do not see",
            "Use an address they all reach, such as s3://bucket/corpus",
        )
    if isinstance(profile, PortableSettings):
        _check_portable(name, profile)


def _check_portable(name: str, profile: PortableSettings) -> None:
    if profile.job_endpoint:
        _check_reachable(profile.job_endpoint, f"runner.{name}.job_endpoint")
        return
    if isinstance(profile, FlinkSettings):
        _check_reachable(profile.master, "runner.flink.master")
    if isinstance(profile, SparkSettings):
        _check_reachable(profile.master.removeprefix("spark://"), "runner.spark.master")
    if shutil.which("java") is None:
        raise WebtextError(
            f"Beam submits to {name} by a Java program, and there is no `java` here",
            f"Install Java 11 or newer, or set runner.{name}.job_endpoint to a job server",
        )


def _check_reachable(address: str, key: str) -> None:
    host, _, port = address.removeprefix("http://").removeprefix("https://").partition(":")
    if not port.rstrip("/").isdigit():
        raise SettingError(f"{key} {address!r} is not host:port", "Name host and port")
    try:
        socket.create_connection((host, int(port.rstrip("/"))), _CONNECT).close()
    except OSError as error:
        raise WebtextError(
            f"Nothing answers at {address} ({key}): {error}", "Start it, or correct the address"
        ) from error
