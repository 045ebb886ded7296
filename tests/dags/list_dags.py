"""What Airflow makes of the DAG files, as one line of JSON: errors, order of tasks, settings."""

from __future__ import annotations

import json
import sys

from airflow.dag_processing.dagbag import DagBag

HEAVY = {"apache_beam", "torch", "pandas", "pyarrow", "pipeline", "trainer"}


def main() -> None:
    bag = DagBag()
    dags = {}
    for name, dag in bag.dags.items():
        tasks = dag.topological_sort()
        dags[name] = {
            "order": [task.task_id for task in tasks],
            "setups": [task.task_id for task in tasks if task.is_setup],
            "teardowns": [task.task_id for task in tasks if task.is_teardown],
            "pools": {task.task_id: task.pool for task in tasks},
            "owners": [task.owner for task in tasks],
            "timeouts": {task.task_id: task.execution_timeout.total_seconds() for task in tasks},
            "active_runs": dag.max_active_runs,
        }
    heavy = sorted(HEAVY & {module.split(".")[0] for module in sys.modules})
    print(json.dumps({"errors": bag.import_errors, "dags": dags, "heavy": heavy}))


if __name__ == "__main__":
    main()
