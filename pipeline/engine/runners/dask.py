"""Runs a bounded Beam pipeline on a dask cluster.

Each task of the plan is one dask task.  Dask places tasks, moves encoded bytes, spills to disk
and repeats what a lost worker had.
"""

from __future__ import annotations

import collections
import pickle
from collections.abc import Callable
from typing import Any

import distributed

from pipeline.engine.runners.task import METRICS, run_task
from pipeline.engine.runners.task_plan import PlannedStage, TaskPlan
from pipeline.engine.runners.task_runner import TaskRunner
from pipeline.store.errors import WebtextError

#: How the keys of the tasks begin that take one part of another's result.
_TAKE = "take-"
#: Neighbouring buckets of what one task deals out that are taken together: fewer tasks, and still
#: no worker is sent all of it.
_TOGETHER = 8


class DaskRunner(TaskRunner):
    """FnApiRunner whose fused stages run as dask tasks.

    `on_task(done, total)` is called as tasks end.
    """

    def __init__(
        self,
        client: distributed.Client,
        partitions: int,
        on_task: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        """Raises WebtextError for a version of Beam that it was not tested with."""
        super().__init__(partitions)
        self._client, self._on_task = client, on_task

    def execute(self, plan: TaskPlan) -> dict[str, list[bytes]]:
        """Submits the whole graph at once and waits for it."""
        graph, leaves = _Graph(plan).build()
        keys = list(leaves)
        tasks = self._client.get(graph, keys, sync=False, priority=_urgency)
        return self._collect(dict(zip(tasks, leaves.values(), strict=True)))

    def _collect(self, futures: dict[Any, str]) -> dict[str, list[bytes]]:
        """Waits for all tasks; {stage: metrics}.  The first failure cancels the rest."""
        metrics: dict[str, list[bytes]] = collections.defaultdict(list)
        total = len(futures)
        try:
            for future, result in distributed.as_completed(
                list(futures), loop=self._client.loop, with_results=True
            ):
                if future.status != "finished":
                    raise WebtextError(
                        f"A dask task was {future.status}, as when the scheduler is lost",
                        "Check the cluster, then run the same command again",
                    ) from (result if isinstance(result, BaseException) else None)
                metrics[futures.pop(future)] += result
                future.release()  # or a worker lost later would make dask run it again
                self._on_task(total - len(futures), total)
        except distributed.KilledWorker as error:
            raise WebtextError(
                f"A step killed its worker {error.allowed_failures + 1} times",
                "It may need more memory: raise runner.dask.memory_limit_mb, or use fewer workers",
            ) from error
        finally:
            if futures:
                self._client.cancel(list(futures), force=True)
        return metrics


class _Graph:
    """The tasks of a plan as one flat dask graph."""

    def __init__(self, plan: TaskPlan) -> None:
        self._plan = plan
        # Dask strips a hex suffix to learn how long tasks of one name take.
        self._id = plan.job.id
        self._graph: dict[Any, Any] = {}
        #: Buffers that are all their stage writes.
        self._sole = {stage.outputs[0] for stage in plan.stages if len(stage.outputs) == 1}
        self._gathered = plan.gathered()

    def build(self) -> tuple[dict[Any, Any], dict[Any, str]]:
        """(graph, {key of one task's metrics: name of its stage})."""
        self._graph[self._id] = pickle.dumps(self._plan.job)
        leaves: dict[Any, str] = {}
        for stage in self._plan.stages:
            tasks = self._stage_tasks(stage)
            # A reader of its one buffer takes the results of all its tasks, whole.  What fits there
            # fits once more: so one task takes the metrics of all, not one of each.
            whole = len(stage.outputs) == 1 and stage.outputs[0] in self._gathered
            gathered = [tasks] if whole else [[task] for task in tasks]
            for some in gathered:
                leaves[self._metrics(some)] = stage.name
        return self._graph, leaves

    def _metrics(self, tasks: list[Any]) -> Any:
        """A task that takes the metrics of others' results."""
        key = (f"{_TAKE}{self._id}", len(self._graph))
        self._graph[key] = (_all_metrics, tasks)
        return key

    def _key(self, stage: PlannedStage, number: int) -> tuple[str, int]:
        """Names differ by stage, or dask's locality would put most of them on one worker."""
        return f"stage{stage.index}-{self._id}", number

    def _stage_tasks(self, stage: PlannedStage) -> list[Any]:
        sides = [
            [buffer, [self._whole(task, buffer) for task in self._producers(buffer)]]
            for buffer in stage.sides
        ]
        tasks: list[Any] = []
        for number, part in enumerate(self._parts(stage)):
            key = self._key(stage, number)
            self._graph[key] = (run_task, self._id, stage.index, number, stage.main, part, sides)
            tasks.append(key)
        return tasks

    def _producers(self, buffer: bytes) -> list[Any]:
        """The tasks that write a buffer."""
        return [
            self._key(stage, number)
            for stage in self._plan.producers(buffer)
            for number in range(stage.tasks)
        ]

    def _parts(self, stage: PlannedStage) -> list[list[Any]]:
        """The main input of each task of a stage."""
        if stage.main is None:
            return [[]]
        buffer = stage.main[1]
        producers = self._producers(buffer)
        by_key = self._plan.job.spread.get(buffer)
        if by_key is None:
            return [[self._whole(task, buffer)] for task in producers]
        if len(producers) == 1 and not by_key:
            return self._dealt(producers[0], buffer, stage.tasks)
        return [
            [self._take(task, buffer, bucket, bucket + 1) for task in producers]
            for bucket in range(stage.tasks)
        ]

    def _dealt(self, task: Any, buffer: bytes, buckets: int) -> list[list[Any]]:
        """Each bucket of what one task deals out; its reader picks it from those around it."""
        taken = [
            self._take(task, buffer, first, first + _TOGETHER)
            for first in range(0, buckets, _TOGETHER)
        ]
        return [
            [(_bucket, taken[bucket // _TOGETHER], bucket % _TOGETHER)] for bucket in range(buckets)
        ]

    def _whole(self, task: Any, buffer: bytes) -> Any:
        """A buffer of a task's result; the result itself where it holds nothing else."""
        return task if buffer in self._sole else self._take(task, buffer)

    def _take(self, task: Any, *what: Any) -> Any:
        """A task that takes one part of another's result."""
        key = (f"{_TAKE}{self._id}", len(self._graph))
        self._graph[key] = (_pick, task, *what)
        return key


def _pick(
    result: dict[bytes, list[bytes]],
    buffer_id: bytes,
    first: int | None = None,
    stop: int | None = None,
) -> list[bytes]:
    """One buffer of a task's result, or some buckets of it: only this travels to the next task."""
    return result[buffer_id][first:stop]


def _bucket(taken: list[bytes], number: int) -> list[bytes]:
    """One of the buckets that were taken together."""
    return taken[number : number + 1]


def _all_metrics(results: list[dict[bytes, list[bytes]]]) -> list[bytes]:
    """The metrics of some tasks' results."""
    return [encoded for result in results for encoded in result[METRICS]]


def _urgency(key: Any) -> int:
    """Dask's priority of a task: those that take a part of a result go before all else.

    A result is one value to dask.  If its parts are taken only when somebody needs them, it
    must stay until the last one is, and under a tight memory limit it is spilled and read
    again, whole, for each.  Taken at once, the parts are spilled and read one by one.
    """
    return int(isinstance(key, tuple) and str(key[0]).startswith(_TAKE))
