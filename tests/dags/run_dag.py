"""Runs one DAG to its end with `dag.test()`, in Airflow's Python: `run_dag.py DAG DATE PARAMS`.

DATE is the logical date, or empty for a run without one; PARAMS is JSON.  The last line of
standard output is JSON: the state of the run, and of each task its state and tries.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

from airflow.dag_processing.dagbag import DagBag


def main() -> None:
    name, date, params = sys.argv[1:]
    bag = DagBag()
    assert not bag.import_errors, bag.import_errors
    logical = datetime.fromisoformat(date).replace(tzinfo=UTC) if date else None
    run = bag.dags[name].test(logical_date=logical, run_conf=json.loads(params))
    found = {
        f"{one.task_id}[{one.map_index}]" if one.map_index >= 0 else one.task_id: one
        for one in run.get_task_instances()
    }
    tasks = {name: one.state for name, one in found.items()}
    tries = {name: one.try_number for name, one in found.items()}
    print(json.dumps({"state": run.state, "tasks": tasks, "tries": tries}), flush=True)


if __name__ == "__main__":
    main()
