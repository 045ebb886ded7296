"""How large a dask scheduler must be.

It holds no data: memory goes by the tasks of a stage, and by the job that each of them reads,
which it hands to the workers.

Measured by `python benchmarks/scheduler.py` on two workers; its one event loop takes one core.
"""

from __future__ import annotations

import math

TASKS_A_PARTITION = 20
"""Of the stage with the most, dedup (`tests/engine/runners/test_graph_size.py`)."""
CORES = 1
"""A scheduler is one thread."""
_PROCESS = 250e6
"""Memory of a scheduler without tasks: the libraries that its tasks name."""
_TASK = 5e3
"""Memory of a task: its state, its place in the graph, the event log of its changes."""
_COPIES = 4
"""Of a stage's job, while its graph arrives, is read and is sent on."""
_ROOM = 1.5
"""What is asked for beyond what was measured: two workers talk less than hundreds."""
_STEP = 100e6


def scheduler_memory(partitions: int, job: float = 0.0) -> int:
    """Bytes to give a scheduler of dask, in steps of 100 MB.

    `partitions` is into how many parts each step is cut, `job` the bytes of the largest plan of a
    step, which names all parts of the stage so far.
    """
    held = _PROCESS + TASKS_A_PARTITION * partitions * _TASK + _COPIES * job
    return math.ceil(_ROOM * held / _STEP) * int(_STEP)
