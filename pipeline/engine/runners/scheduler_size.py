"""How large a dask scheduler must be.

It holds no data: memory goes by the tasks of a stage, and by the job that each of them reads,
which it hands to the workers.  Figures by `python benchmarks/scheduler.py`, on two workers.
"""

from __future__ import annotations

import math

TASKS_A_PARTITION, TASKS_BESIDE = 16, 70
"""Of the stage with the most, dedup that looks for passages
(`tests/engine/runners/test_graph_size.py`)."""
CORES = 1
"""A scheduler is one thread."""
_PROCESS = 210e6
"""Bytes of a scheduler without tasks, with the libraries that it unpacks them with."""
_TASK = 14e3
"""Bytes of a task, in a graph of 10,240."""
_COPIES = 5
"""Of a stage's job, while the graph arrives, is read and is sent on."""
_ROOM = 1.5
"""What is asked for beyond that: two workers talk less than hundreds."""
_STEP = 100e6


def scheduler_memory(partitions: int, job: float = 0.0) -> int:
    """Bytes to give a scheduler of dask, in steps of 100 MB.

    `partitions` is into how many parts each step is cut, `job` the bytes of the largest plan of a
    step, which names all parts of the stage so far.
    """
    tasks = TASKS_A_PARTITION * partitions + TASKS_BESIDE
    held = _PROCESS + tasks * _TASK + _COPIES * job
    return math.ceil(_ROOM * held / _STEP) * int(_STEP)
