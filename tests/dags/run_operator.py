"""Runs one WebtextOperator in Airflow's Python: its settings as JSON in, what became of it out.

The task's log goes to standard error as it comes; standard output has one line of JSON with
`result`, or with `error` (the exception's class) and `said`.
"""

from __future__ import annotations

import json
import logging
import signal
import sys

from airflow.sdk.exceptions import AirflowTaskTimeout
from airflow.sdk.execution_time.timeout import timeout
from webtext_operator import WebtextOperator


class Operator(WebtextOperator):
    """With a log of its own, and outside of Airflow's check that a task runner calls it."""

    log = logging.getLogger("task")  # type: ignore[assignment]


def main() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s", force=True)
    settings = json.loads(sys.argv[1])
    seconds = settings.pop("time_out", 600)
    operator = Operator(task_id="one", **settings)
    # Both as Airflow's task runner does.
    signal.signal(signal.SIGTERM, lambda *_: operator.on_kill())
    try:
        with timeout(seconds):
            said = {"result": WebtextOperator.execute.__wrapped__(operator, {})}
    except (Exception, AirflowTaskTimeout) as error:
        said = {"error": type(error).__name__, "said": str(error)}
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
