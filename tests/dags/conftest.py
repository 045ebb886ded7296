"""Airflow's home, and runs of DAGs in it."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from airflow_runs import SCRIPTS, RunDag, airflow_environment
from support import PROJECT


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, airflow_python: Path) -> Path:
    """Airflow's home, with a migrated database.

    Each module has one of its own: `dag.test()` waits for ever where a backfill had that month.
    """
    place = tmp_path_factory.mktemp("airflow")
    subprocess.run(
        [airflow_python, "-m", "airflow", "db", "migrate"],
        env=airflow_environment(place),
        check=True,
        capture_output=True,
    )
    return place


@pytest.fixture
def run_dag(airflow_python: Path, home: Path) -> RunDag:
    def run(name: str, date: str, params: dict[str, Any], **environment: str) -> Any:
        done = subprocess.run(
            [airflow_python, SCRIPTS / "run_dag.py", name, date, json.dumps(params)],
            # Only the bundle of a running Airflow puts the folder on the path.
            env=airflow_environment(home, PYTHONPATH=str(PROJECT / "dags"), **environment),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return json.loads(done.stdout.splitlines()[-1]), done.stdout

    return run


@pytest.fixture
def alerts() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that takes alerts: its address, and what it got."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", got
        server.shutdown()
