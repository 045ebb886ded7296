"""The worker's image, really built with buildah on a Debian of debootstrap, and really run.

Containers run by buildah's chroot isolation, in a network namespace of their own, so that the
ports of compose.yaml are free.  Beam's own image cannot be had here: `boot.py` stands in for
the one program that comes from it.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from deployment import DOCKER, IMAGES, compose, exec_form, last
from support import PROJECT

from pipeline import __version__

HERE = Path(__file__).parent
SERVICES = compose()["services"]
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
pytestmark = pytest.mark.system


def run(*command: str | Path, **options: Any) -> str:
    """What a command printed; an assertion with its last lines when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, (
        f"{shlex.join(map(str, command))}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    )
    return done.stdout


class Buildah:
    """buildah with a store in a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self._command = [
            *("buildah", "--root", f"{folder}/store", "--runroot", f"{folder}/run"),
            *("--storage-driver", "overlay"),
        ]
        probe = subprocess.run([*self._command, "info"], capture_output=True, check=False)
        if probe.returncode:  # no overlay here: whole copies then
            self._command[-1] = "vfs"

    def line(self, *arguments: str | Path) -> list[str]:
        return [*self._command, *map(str, arguments)]

    def __call__(self, *arguments: str | Path) -> str:
        environment = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
        return run(*self.line(*arguments), env=environment).strip()

    def build(self, name: str, dockerfile: Path, folder: Path, *more: str) -> None:
        flags = ["--pull-never", "--format=docker", "--layers=false", "-f", dockerfile]
        self("build", *flags, *more, "-t", f"localhost/{name}", folder)


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("needs root on Linux: it builds and runs an image")
    for program in ("buildah", "debootstrap", "ip"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}: apt-get install buildah debootstrap iproute2")
    folder = tmp_path_factory.mktemp("images")
    found = Buildah(folder)
    yield found
    found("rm", "--all")
    found("rmi", "--all", "--force")
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def container(buildah: Buildah, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A container of the image, built on Debian's own Python, with what pip is told here."""
    base, beam = tmp_path_factory.mktemp("base"), tmp_path_factory.mktemp("beam")
    debian = ["--variant=minbase", "--include=python3,python3-venv", "bookworm"]
    run("debootstrap", *debian, base)
    everything = beam / "Dockerfile"
    everything.write_text("FROM scratch\nCOPY . /\n")
    buildah.build("base", everything, base)
    shutil.rmtree(base)
    place = beam / "opt" / "apache" / "beam"
    place.mkdir(parents=True)
    shutil.copy(HERE / "boot.py", place / "boot")
    (place / "boot").chmod(0o755)
    for name in ("LICENSE", "NOTICE"):
        shutil.copy(PROJECT / name, place)
    buildah.build("beam", everything, beam)
    images = ["--build-arg=BASE=localhost/base", "--build-arg=BEAM=localhost/beam"]
    name = f"webtext-worker:{__version__}"
    buildah.build(name, DOCKER / "worker.Dockerfile", PROJECT, *images, *index(beam))
    return buildah("from", "--pull-never", f"localhost/{name}")


def index(folder: Path) -> list[str]:
    """The package index that pip uses here, as the build arguments and secrets of the image."""
    flags, lines = [], ["[global]"]
    for said in run(sys.executable, "-m", "pip", "config", "list").splitlines():
        name, _, value = said.partition("=")
        key = name.rpartition(".")[2]
        if key in {"index-url", "extra-index-url", "trusted-host", "timeout"}:
            lines.append(f"{key} = {value.strip(chr(39))}")
    (folder / "pip.conf").write_text("\n".join(lines))
    flags.append(f"--secret=id=pip,src={folder}/pip.conf")
    if Path(CERTIFICATES).exists():
        flags.append(f"--secret=id=ca,src={CERTIFICATES}")
        flags.append("--build-arg=PIP_CERT=/run/secrets/ca")
    return flags


class Host:
    """A network namespace in which containers' commands run."""

    def __init__(self, name: str, buildah: Buildah, container: str) -> None:
        self.name, self._buildah, self._container = name, buildah, container

    def line(self, *command: str, flags: tuple[str, ...] = ()) -> list[str]:
        inside = ["run", "--isolation=chroot", *flags, self._container, "--", *command]
        # Not `ip netns exec`, whose mount namespace would hide the container from the next command.
        return ["nsenter", f"--net=/run/netns/{self.name}", *self._buildah.line(*inside)]

    def service(self, name: str, log: Path, **variables: str) -> AbstractContextManager[None]:
        """A service of compose.yaml with its own command and health check."""
        flags = tuple(f"--env={key}={value}" for key, value in variables.items())
        service = SERVICES[name]
        command = ["/opt/webtext/bin/entrypoint.sh", *service["command"]]
        check = service.get("healthcheck", {}).get("test") or image_check()
        return self.started(self.line(*command, flags=flags), check[1:], log)

    @contextmanager
    def started(self, line: list[str], check: list[str], log: Path) -> Iterator[None]:
        """Runs a command until the block ends; inside it the health check is content."""
        with log.open("w") as stream:
            process = subprocess.Popen(line, stdout=stream, stderr=stream, start_new_session=True)
            try:
                while subprocess.run(
                    self.line(*check), capture_output=True, check=False
                ).returncode:
                    assert process.poll() is None, log.read_text()
                    time.sleep(0.5)
                yield
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                process.wait()


def image_check() -> list[str]:
    """The health check that a service has where compose.yaml names none."""
    return ["CMD", *exec_form(last(IMAGES[f"webtext-worker:{__version__}"], "HEALTHCHECK"))]


@pytest.fixture(scope="module")
def host(buildah: Buildah, container: str) -> Iterator[Host]:
    name = f"webtext-image-{os.getpid()}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "set", "lo", "up")
        yield Host(name, buildah, container)
    finally:
        for pid in run("ip", "netns", "pids", name).split():
            os.kill(int(pid), signal.SIGKILL)
        run("ip", "netns", "delete", name)


def test_it_runs_webtext_as_a_user_who_owns_nothing(host: Host) -> None:
    assert run(*host.line("webtext", "--version")).split() == ["webtext", __version__]
    assert run(*host.line("id", "-u")).strip() == "10001"
    written = run(*host.line("sh", "-c", "find / -xdev -user 10001 2>/dev/null; true"))
    assert written.split() == ["/data"]
    other = host.line("sh", "-c", "touch /data/mine && webtext --version", flags=("--user=4711",))
    assert run(*other).split() == ["webtext", __version__]


def test_it_holds_no_trace_of_its_making(buildah: Buildah, container: str, host: Host) -> None:
    said = json.loads(buildah("inspect", container))
    config = said["Docker"]["config"]
    assert config["User"] == "10001:10001"
    assert config["Healthcheck"]["Test"] == image_check()
    assert config["Entrypoint"] == ["/opt/webtext/bin/entrypoint.sh"]
    assert "PIP_CERT" not in json.dumps(said)
    found = run(
        *host.line(
            "sh", "-c", "ls -A /src /run/secrets /etc/pip.conf /root/.cache 2>/dev/null; true"
        )
    )
    assert not found.strip()


def test_a_dask_worker_from_it_carries_a_build(host: Host, tmp_path: Path) -> None:
    """The scheduler, the worker, their health checks and the recipe are those of compose.yaml."""
    at = "tcp://127.0.0.1:8786"
    with (
        host.service("scheduler", tmp_path / "scheduler.log"),
        host.service("worker", tmp_path / "worker.log", DASK_SCHEDULER_ADDRESS=at),
    ):
        said = build(
            host,
            "sample.toml",
            "--set=corpus.root=/data/sample",
            f"--set=runner.dask.scheduler={at}",
        )
    assert said["runner"] == "dask, 1 workers"
    assert said["counts"]["in"] == said["counts"]["kept"] + sum(said["counts"]["dropped"].values())


def test_its_worker_pool_carries_a_build_by_beams_contract(host: Host, tmp_path: Path) -> None:
    """What Flink does: ask a pool for a harness, which the boot program starts."""
    # The job service names itself by its host name, which nothing resolves in this network.
    jobs = ["python", "-m", "apache_beam.runners.portability.local_job_service_main", "--port=8099"]
    check = ["python", "/opt/webtext/bin/healthy.py", "127.0.0.1:8099"]
    with (
        host.service("flink-harness", tmp_path / "pool.log"),
        host.started(
            host.line(*jobs, flags=("--hostname=localhost",)), check, tmp_path / "jobs.log"
        ),
    ):
        endpoint = "--set=runner.beam-flink.job_endpoint=127.0.0.1:8099"
        said = build(host, "flink.toml", "--set=corpus.root=/data/flink", endpoint)
    assert said["runner"] == "PortableRunner"
    assert (
        "Starting worker with command ['/opt/apache/beam/boot'"
        in (tmp_path / "pool.log").read_text()
    )


def build(host: Host, recipe: str, *settings: str) -> dict[str, Any]:
    """Builds the links of the sample by a recipe; their manifest."""
    mounted = (f"--volume={DOCKER}/recipes:/recipes:ro",)
    run(
        *host.line(
            "webtext", "build", f"/recipes/{recipe}", "--until=links", *settings, flags=mounted
        )
    )
    root = settings[0].rpartition("=")[2]
    manifest = ""
    # Beside others of its container buildah at times passes on nothing of so short a command.
    for _ in range(5):
        manifest = manifest or run(*host.line("cat", f"{root}/links/2024-01/_manifest.json"))
    said: dict[str, Any] = json.loads(manifest)
    return said
