"""Runs a bounded Beam pipeline on a dask cluster.

Beam's FnApiRunner checks, lifts and fuses the pipeline here, on the submitting
side; each partition of each fused stage is one dask task (`dask_task.py`).  Dask
places tasks, moves encoded bytes, spills to disk and repeats what a lost worker
had.  It leans on private parts of Beam, so the version is checked.
"""

from __future__ import annotations

import collections
import itertools
import pickle
import uuid
from collections.abc import Callable
from typing import Any

import apache_beam as beam
import distributed
from apache_beam.metrics.monitoring_infos import consolidate
from apache_beam.portability import common_urns, python_urns
from apache_beam.portability.api import beam_runner_api_pb2 as pb
from apache_beam.portability.api import metrics_pb2
from apache_beam.runners.portability.fn_api_runner import fn_runner, translations
from apache_beam.runners.runner import PipelineState

from pipeline.engine.runners.dask_task import (
    METRICS,
    TAKE,
    JobSpec,
    StageSpec,
    pick,
    run_task,
    urgency,
)
from pipeline.engine.runners.translate import (
    fused_stages,
    is_grouped,
    is_reshuffled,
    main_inputs,
    outputs,
    side_inputs,
)
from pipeline.store.errors import WebtextError

_BEAM = "2.77."


class DaskRunner(fn_runner.FnApiRunner):
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
        if not beam.__version__.startswith(_BEAM):
            raise WebtextError(
                f"The dask runner needs apache-beam {_BEAM}*, not {beam.__version__}",
                "Install with the constraints file of this project",
            )
        super().__init__()
        self._client, self._partitions, self._on_task = client, partitions, on_task

    @staticmethod
    def supported_requirements() -> tuple[str, ...]:
        """What pipelines may ask for: state, timers, splittable DoFns."""
        return (
            common_urns.requirements.REQUIRES_STATEFUL_PROCESSING.urn,
            common_urns.requirements.REQUIRES_SPLITTABLE_DOFN.urn,
        )

    def _check_requirements(self, pipeline: pb.Pipeline) -> None:
        try:
            super()._check_requirements(pipeline)
        except ValueError as error:
            raise NotImplementedError(f"DaskRunner: {error}") from None
        for collection in pipeline.components.pcollections.values():
            if collection.is_bounded == pb.IsBounded.UNBOUNDED:
                raise NotImplementedError(
                    f"DaskRunner runs bounded pipelines; {collection.unique_name} is unbounded"
                )
        for environment in pipeline.components.environments.values():
            if environment.urn != python_urns.EMBEDDED_PYTHON:
                raise NotImplementedError(
                    f"DaskRunner runs Python transforms only, not {environment.urn}"
                )

    def create_stages(self, pipeline: pb.Pipeline) -> tuple[Any, list[Any]]:
        """Called by FnApiRunner with the checked pipeline."""
        return fused_stages(pipeline)

    def run_stages(self, context: Any, stages: list[Any]) -> Any:
        """Called by FnApiRunner: runs the whole graph and returns its result and metrics."""
        graph, leaves = _Graph(context, stages, self._partitions).build()
        keys = list(leaves)
        tasks = self._client.get(graph, keys, sync=False, priority=urgency)
        futures = dict(zip(tasks, leaves.values(), strict=True))
        infos = self._collect(futures)
        merged = {name: list(consolidate(of_stage)) for name, of_stage in infos.items()}
        merged[""] = list(consolidate(itertools.chain(*merged.values())))
        return fn_runner.RunnerResult(PipelineState.DONE, merged)

    def _collect(self, futures: dict[Any, str]) -> dict[str, list[Any]]:
        """Waits for all tasks; {stage: metrics}.  The first failure cancels the rest."""
        infos: dict[str, list[Any]] = collections.defaultdict(list)
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
                infos[futures.pop(future)] += map(metrics_pb2.MonitoringInfo.FromString, result)
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
        return infos


class _Graph:
    """The tasks of a job as one flat dask graph."""

    def __init__(self, context: Any, stages: list[Any], partitions: int) -> None:
        self._context, self._stages, self._partitions = context, stages, partitions
        # Dask strips a hex suffix to learn how long tasks of one name take.
        self._id = uuid.uuid4().hex
        self._graph: dict[Any, Any] = {}
        self._produced: dict[bytes, list[Any]] = collections.defaultdict(list)
        self._spread = self._spread_buffers()
        #: Buffers that are all their stage writes.
        self._sole = {
            buffer for stage in stages if len(outputs(stage)) == 1 for buffer in outputs(stage)
        }

    def build(self) -> tuple[dict[Any, Any], dict[Any, str]]:
        """(graph, {key of one task's metrics: name of its stage})."""
        self._graph[self._id] = pickle.dumps(self._spec())
        leaves: dict[Any, str] = {}
        for index, stage in enumerate(self._stages):
            for task in self._stage_tasks(index, stage):
                leaves[self._take(task, METRICS)] = stage.name
        return self._graph, leaves

    def _spread_buffers(self) -> dict[bytes, bool]:
        """Which buffers are spread over the partitions: by key, or evenly."""
        spread: dict[bytes, bool] = {}
        for stage in self._stages:
            inputs = main_inputs(stage)
            if len(inputs) != 1:
                raise NotImplementedError(f"DaskRunner: {stage.name} has {len(inputs)} main inputs")
            buffer_id = inputs[0][1]
            if is_grouped(buffer_id) or stage.is_stateful():
                spread[buffer_id] = True
            elif is_reshuffled(buffer_id):
                spread.setdefault(buffer_id, False)
        return spread

    def _spec(self) -> JobSpec:
        context = self._context
        return JobSpec(
            id=self._id,
            components=context.components.SerializeToString(),
            safe_coders=context.safe_coders,
            channel_coders=context.data_channel_coders,
            spread=self._spread,
            partitions=self._partitions,
            stages=[
                StageSpec(
                    stage.name,
                    stage.environment,
                    stage.timers,
                    [transform.SerializeToString() for transform in stage.transforms],
                )
                for stage in self._stages
            ],
        )

    def _stage_tasks(self, index: int, stage: Any) -> list[Any]:
        sides = [
            [buffer_id, [self._whole(task, buffer_id) for task in self._produced[buffer_id]]]
            for buffer_id in dict.fromkeys(buffer for buffer, _ in side_inputs(stage).values())
        ]
        tasks: list[Any] = []
        for name, buffer_id in main_inputs(stage):
            main = None if buffer_id == translations.IMPULSE_BUFFER else (name, buffer_id)
            for part in self._parts(buffer_id):
                # Names differ by stage, or dask's locality would put most of them on one worker.
                key = (f"stage{index}-{self._id}", len(tasks))
                self._graph[key] = (run_task, self._id, index, len(tasks), main, part, sides)
                tasks.append(key)
        for buffer_id in outputs(stage):
            self._produced[buffer_id] += tasks
        return tasks

    def _parts(self, buffer_id: bytes) -> list[list[Any]]:
        """The main input of each task of a stage."""
        if buffer_id == translations.IMPULSE_BUFFER:
            return [[]]
        producers = self._produced[buffer_id]
        if buffer_id not in self._spread:
            return [[self._whole(task, buffer_id)] for task in producers]
        return [
            [self._take(task, buffer_id, bucket) for task in producers]
            for bucket in range(self._partitions)
        ]

    def _whole(self, task: Any, buffer_id: bytes) -> Any:
        """A buffer of a task's result; the result itself where it holds nothing else."""
        return task if buffer_id in self._sole else self._take(task, buffer_id)

    def _take(self, task: Any, *what: Any) -> Any:
        """A task that takes one part of another's result."""
        key = (f"{TAKE}{self._id}", len(self._graph))
        self._graph[key] = (pick, task, *what)
        return key
