"""Airflow in its own environment, with the DAGs of this project."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from support import PROJECT, free_ports

#: Scripts that run in Airflow's Python.
SCRIPTS = PROJECT / "tests" / "dags"

#: Runs a DAG with `dag.test()`: name, logical date or "", params -> outcome and log.
RunDag = Callable[..., tuple[dict[str, Any], str]]


def airflow_environment(home: Path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__FERNET_KEY": "",
        # SQLite has one writer: the others wait for it.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db?timeout=60",
        "WEBTEXT_COMMAND": shlex.join([sys.executable, "-P", "-m", "pipeline"]),
        "WEBTEXT_FOLDER": str(PROJECT),
        "WEBTEXT_RETRY_MINUTES": "0.01",
        **more,
    }


class Airflow:
    """`airflow standalone`, its command and its API."""

    def __init__(self, python: Path, home: Path, **settings: str) -> None:
        self._python = python
        api, logs, triggers = free_ports(3)
        self.address = f"http://localhost:{api}"
        self.log = home / "standalone.log"
        self._environment = airflow_environment(
            home,
            PATH=f"{python.parent}:{os.environ['PATH']}",
            AIRFLOW__CORE__PARALLELISM="2",
            # The DAGs do not change while they run, and to read them takes a process each time.
            AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL="3600",
            AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="True",
            AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"{self.address}/execution/",
            AIRFLOW__API__PORT=str(api),
            AIRFLOW__API__BASE_URL=self.address,
            AIRFLOW__API__WORKERS="1",
            AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT=str(logs),
            AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT=str(triggers),
            **settings,
        )

    def command(self, *arguments: str) -> None:
        done = subprocess.run(
            [self._python, "-m", "airflow", *arguments],
            env=self._environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == 0, done.stdout

    @contextmanager
    def standalone(self) -> Iterator[None]:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [self._python, "-m", "airflow", "standalone"],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield
        finally:
            self._stop()

    def ask(self, path: str, **change: Any) -> Any:
        """What the API says, after a change if one is given; None where it does not answer."""
        request = urllib.request.Request(f"{self.address}/api/v2/{path}")
        if change:
            request.method, request.data = "PATCH", json.dumps(change).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=600) as answer:
                return json.load(answer)
        except OSError:
            return None

    def runs(self, dag: str, kind: str, count: int = 1) -> list[dict[str, Any]] | None:
        """The runs of a DAG once there are so many and all have ended."""
        said = self.ask(f"dags/{dag}/dagRuns?run_type={kind}") or {"dag_runs": []}
        runs: list[dict[str, Any]] = said["dag_runs"]
        ended = all(run["state"] in {"success", "failed"} for run in runs)
        return runs if len(runs) >= count and ended else None

    def wait(self, done: Callable[[], Any], pause: float = 0.5) -> Any:
        """Polls until there is an answer that is true; the test's time-out bounds it.

        `pause` is in seconds; each question to the API takes a part of one.
        """
        while not (found := done()):
            assert self._process.poll() is None, self.log.read_text()[-4000:]
            time.sleep(pause)
        return found

    def _stop(self) -> None:
        family = self.family()
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
        for child in family:
            if child.is_running():
                child.kill()

    def family(self) -> list[psutil.Process]:
        """All that it has started."""
        return psutil.Process(self._process.pid).children(recursive=True)
