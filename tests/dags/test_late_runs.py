"""A run that is late, and one that Airflow ends: somebody is told, by the real scheduler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow_runs import Airflow

pytestmark = pytest.mark.system
SECOND = 1 / 86_400  # of a day


def test_a_run_that_is_late_and_then_times_out_is_told_twice(
    airflow_python: Path, home: Path, alerts: tuple[str, list[dict[str, Any]]]
) -> None:
    address, got = alerts
    airflow = Airflow(
        airflow_python,
        home,
        WEBTEXT_COMMAND="sh -c 'exit 3'",  # what the sensor waits for does not come
        WEBTEXT_ALERT_URL=address,
        WEBTEXT_DEADLINE_DAYS=str(SECOND),
        WEBTEXT_TIMEOUT_DAYS=str(10 * SECOND),
    )
    dag = "webtext_refresh_scores"
    with airflow.standalone():
        airflow.wait(lambda: airflow.ask(f"dags/{dag}", is_paused=False))
        runs = airflow.wait(lambda: airflow.runs(dag, "scheduled"))
        airflow.wait(lambda: {"late", "timed_out"} <= {one["reason"] for one in got})
        said = airflow.ask(f"dags/{dag}/dagRuns/~/taskInstances")["task_instances"]
    assert {run["state"] for run in runs} == {"failed"}
    assert {one["state"] for one in said} == {"skipped"}  # no task failed, so no task tells it
    assert {(one["dag"], one["run"]) for one in got} == {(dag, runs[0]["dag_run_id"])}
    assert all("task" not in one for one in got)
    assert sorted(one["reason"] for one in got) == ["late", "timed_out"]
    assert all("deadline" in one for one in got if one["reason"] == "late")
