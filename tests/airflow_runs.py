"""Airflow in its own environment, with the DAGs of this project."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support import PROJECT

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
