"""The Airflow image's command and health check, run here with the environment the image has."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from deployment import DOCKER, compose, exec_form, instructions, last
from support import PROJECT, free_ports

pytestmark = pytest.mark.system
DOCKERFILE = DOCKER / "airflow.Dockerfile"


def image_environment(python: Path, home: Path) -> dict[str, str]:
    """What the Dockerfile and compose.yaml set, with this machine's places for the image's."""
    places = {
        "/opt/airflow/dags": str(PROJECT / "dags"),
        "/opt/airflow/bin": str(python.parent),
        "/opt/webtext/bin": str(Path(sys.executable).parent),
        "/var/lib/airflow": str(home),
        "/recipes": str(DOCKER / "recipes"),
        "/data": str(home),
    }
    lines = [rest for word, rest in instructions(DOCKERFILE) if word == "ENV"]
    said = dict(pair.split("=", 1) for line in lines for pair in line.split())
    said |= compose()["services"]["airflow"]["environment"]
    for image, here in places.items():
        said = {name: value.replace(image, here) for name, value in said.items()}
    said["PATH"] = said["PATH"].replace("$PATH", f"{DOCKER}:{os.environ['PATH']}")
    return {"HOME": str(home), "LANG": "C.UTF-8", **said}


@contextmanager
def started(command: list[str], environment: dict[str, str], log: Path) -> Iterator[psutil.Popen]:
    """The command in a process group of its own, of which nothing is left afterwards."""
    with log.open("wb") as stream:
        process = psutil.Popen(
            command,
            env=environment,
            cwd=environment["HOME"],
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # A shell's background job ignores it; a container's process does not.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def rows(home: Path, query: str) -> list[tuple[Any, ...]]:
    """What Airflow's database says."""
    with sqlite3.connect(f"file:{home}/airflow.db?mode=ro", uri=True, timeout=60) as database:
        return database.execute(query).fetchall()


def test_the_command_starts_airflow_and_ends_with_it(airflow_python: Path, tmp_path: Path) -> None:
    environment = image_environment(airflow_python, tmp_path)
    api, logs, triggers = map(str, free_ports(3))
    # The image has these ports to itself; nothing else is changed.
    environment |= {
        "AIRFLOW__API__PORT": api,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{api}/execution/",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": logs,
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": triggers,
    }
    check = exec_form(last(DOCKERFILE, "HEALTHCHECK"))
    check = [sys.executable, str(DOCKER / Path(check[1]).name), check[2].replace("8080", api)]
    log = tmp_path / "log"

    with started(exec_form(last(DOCKERFILE, "CMD")), environment, log) as process:

        def wait(done: Callable[[], Any]) -> Any:
            while not (found := done()):
                assert process.poll() is None, log.read_text()[-4000:]
                time.sleep(0.5)
            return found

        wait(lambda: subprocess.run(check, capture_output=True, check=False).returncode == 0)
        dags = wait(lambda: rows(tmp_path, "SELECT dag_id, is_paused FROM dag"))
        assert {name for name, _ in dags} == {
            "webtext_monthly", "webtext_refresh_scores", "webtext_train",
        }  # fmt: skip
        assert all(paused for _, paused in dags)
        assert rows(tmp_path, "SELECT filename, stacktrace FROM import_error") == []
        pools = json.loads((PROJECT / "dags" / "pools.json").read_text())
        slots = {name: pool["slots"] for name, pool in pools.items()}
        assert slots.items() <= dict(rows(tmp_path, "SELECT pool, slots FROM slot_pool")).items()
        passwords = tmp_path / "simple_auth_manager_passwords.json.generated"
        assert json.loads(passwords.read_text()).keys() == {"admin"}

        family = process.children(recursive=True)
        process.send_signal(signal.Signals[last(DOCKERFILE, "STOPSIGNAL")])
        assert compose()["services"]["airflow"]["stop_grace_period"] == "1m"
        assert len(family) > 3
        psutil.wait_procs([process, *family])  # for ever, if one of them stays
