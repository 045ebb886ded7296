"""What the DAGs share: where webtext is, how tasks are tried again, who is told what.

All of it comes from environment variables of the Airflow workers and of the DAG processor
(`docs/operations.md` lists them), so the DAG files are the same everywhere.
"""

from __future__ import annotations

import json
import logging
import os
import re
import urllib.request
from datetime import timedelta
from typing import Any

from airflow.sdk import (
    Asset,
    DeadlineAlert,
    DeadlineReference,
    ExceptionRetryPolicy,
    RetryAction,
    RetryRule,
    SyncCallback,
)
from airflow.sdk.exceptions import AirflowFailException
from webtext_operator import CommandFailed, CommandKilled

_LOG = logging.getLogger(__name__)

#: How webtext is started, and where: relative paths of recipes begin there.
COMMAND = os.environ.get("WEBTEXT_COMMAND", "webtext")
FOLDER = os.environ.get("WEBTEXT_FOLDER", ".")
#: The corpus's recipe; `{interval}` in its paths stands for the month.
RECIPE = os.environ.get("WEBTEXT_RECIPE", "webtext")
#: What is trained, where runs are kept, and where the models that they give.
TRAIN_RECIPE = os.environ.get("WEBTEXT_TRAIN_RECIPE", "gpt2-124m")
RUNS = os.environ.get("WEBTEXT_RUNS", "runs")
MODELS = os.environ.get("WEBTEXT_MODELS", "models")
#: First month of the schedule, by its first day.
START = os.environ.get("WEBTEXT_START", "2024-01-01")
#: Between two tries; three times as long after a kill.
RETRY_DELAY = timedelta(minutes=float(os.environ.get("WEBTEXT_RETRY_MINUTES", "5")))
#: A run that is not done so many days after it was queued is told of, and goes on; 0: none is.
#: Airflow 3.3.2 cannot run a DAG with a deadline by `airflow dags test`, so it is asked for.
DEADLINE_DAYS = float(os.environ.get("WEBTEXT_DEADLINE_DAYS", "0"))
#: A run that is not done so long after it began is ended as failed: Airflow skips its tasks.
TIMEOUT = timedelta(days=float(os.environ.get("WEBTEXT_TIMEOUT_DAYS", "60")))
#: Gets a POST with one JSON object for each task that failed for good, each run that failed,
#: and each run that is late.
ALERT_URL = os.environ.get("WEBTEXT_ALERT_URL", "")

#: The published corpus, whose partitions are its months.  Its events carry what `webtext publish`
#: found.
CORPUS = Asset(name="webtext_corpus", uri="webtext://corpus")

#: A kill may mean that memory was short, so wait for it; other errors pass sooner or never.
RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=CommandKilled,
            action=RetryAction.RETRY,
            retry_delay=3 * RETRY_DELAY,
            reason="Killed: goes on from the last finished part",
        ),
        RetryRule(
            exception=CommandFailed,
            action=RetryAction.RETRY,
            retry_delay=RETRY_DELAY,
            reason="Failed: goes on from the last finished part",
        ),
    ]
)


def month(dag_run: Any, params: Any) -> str:
    """The interval of a run: what was asked for, its data interval, or the month before it."""
    if params.get("interval"):
        return str(params["interval"])
    if dag_run.data_interval_start is not None:
        return str(dag_run.data_interval_start.strftime("%Y-%m"))
    # Runs without a logical date: started by hand, or by an asset.
    return str((dag_run.run_after.replace(day=1) - timedelta(days=1)).strftime("%Y-%m"))


def published(events: Any, params: Any) -> str:
    """The token shards to train on: what was asked for, or those that the asset's event names."""
    if params.get("data"):
        return str(params["data"])
    shards = _last(events).get("data")
    if not shards:
        raise AirflowFailException("No token shards: let the asset start the run, or give data")
    return str(shards[0])


def run_name(events: Any, params: Any, run_id: str) -> str:
    """The run's folder: as asked for, or one for each recipe and state of the corpus."""
    if params.get("run"):
        return str(params["run"])
    state = _last(events).get("fingerprint", "")[:12] or run_id
    name = f"{TRAIN_RECIPE.rsplit('/', 1)[-1].removesuffix('.toml')}-{state}"
    return re.sub(r"[^A-Za-z0-9._-]", "-", name)


def _last(events: Any) -> dict[str, Any]:
    """What `webtext publish` found when it last made the corpus that started the run."""
    found = list(events[CORPUS]) if events and CORPUS in events else []
    return dict(found[-1].extra) if found else {}


def alert_task(context: Any) -> None:
    """A task that failed for good."""
    instance = context["task_instance"]
    _alert(
        {
            "dag": instance.dag_id,
            "run": instance.run_id,
            "task": instance.task_id,
            "try": instance.try_number,
            "error": str(context.get("exception")),
        }
    )


def alert_run(context: Any) -> None:
    """A run that failed: by a task, or because Airflow ended it (`timed_out`)."""
    run = context["dag_run"]
    _alert({"dag": run.dag_id, "run": run.run_id, "reason": str(context.get("reason"))})


def alert_late(context: Any) -> None:
    """A run that goes on beyond its deadline.  Airflow gives it as plain values."""
    run = context["dag_run"]
    deadline = str(context["deadline"]["deadline_time"])
    _alert({"dag": run["dag_id"], "run": run["dag_run_id"], "reason": "late", "deadline": deadline})


def _alert(message: dict[str, Any]) -> None:
    """Tells `WEBTEXT_ALERT_URL`; without one, the log has it."""
    _LOG.error("Alert: %s", message)
    if ALERT_URL:
        request = urllib.request.Request(  # noqa: S310 (the address is the operator's own)
            ALERT_URL, json.dumps(message).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30):  # noqa: S310
            pass


MACROS = {"month": month, "published": published, "run_name": run_name}
#: `--set` for each, in every task of a run.
SETTINGS = "{{ params.settings | tojson }}"
#: The month of a run, as the pipeline's interval.
MONTH = "{{ month(dag_run, params) }}"

#: Of every task; a DAG says what differs.
DEFAULTS: dict[str, Any] = {
    "owner": "webtext",
    "command": COMMAND,
    "folder": FOLDER,
    "retries": 3,
    "retry_delay": RETRY_DELAY,
    "retry_policy": RETRY_POLICY,
    "execution_timeout": timedelta(days=2),
    "on_failure_callback": alert_task,
}

#: Of every DAG.  What fails is told by the task and by the run; a run that Airflow ends has no
#: failed task, and one that is late has not failed.
RUN_DEFAULTS: dict[str, Any] = {
    "max_active_runs": 1,
    "dagrun_timeout": TIMEOUT,
    "on_failure_callback": alert_run,
    "deadline": DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(days=DEADLINE_DAYS),
        callback=SyncCallback(alert_late),
        name="late",
    )
    if DEADLINE_DAYS
    else None,
    "user_defined_macros": MACROS,
    "tags": ["webtext"],
}
