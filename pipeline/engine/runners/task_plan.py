"""A pipeline as tasks that any engine can carry: of each fused stage how many, reading what.

An executor such as `dask.py` turns the plan into what its engine runs.  A stage's
input comes in one of three ways:

- an impulse: one task, which reads nothing;
- a spread buffer: `partitions` tasks, of which each reads its bucket of all producers' results;
- any other buffer: one task for each task of the producers, which reads that one's result.

Side inputs are whole buffers, of all their producers.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from apache_beam.runners.portability.fn_api_runner import translations

from pipeline.engine.runners.task import JobSpec, StageSpec
from pipeline.engine.runners.translate import (
    is_grouped,
    is_reshuffled,
    main_inputs,
    outputs,
    side_inputs,
)


@dataclass(frozen=True)
class PlannedStage:
    """One fused stage: `tasks` tasks, numbered from 0."""

    index: int
    name: str
    #: (transform, buffer) of its input; None for an impulse.
    main: tuple[str, bytes] | None
    #: Buffers of its side inputs, each once.
    sides: tuple[bytes, ...]
    #: Buffers that it writes.
    outputs: tuple[bytes, ...]
    tasks: int


@dataclass(frozen=True)
class TaskPlan:
    """All stages, in an order in which they can run, and what their tasks share."""

    job: JobSpec
    stages: tuple[PlannedStage, ...]

    def producers(self, buffer: bytes) -> list[PlannedStage]:
        """The stages that write a buffer, in the plan's order: so its elements are put together."""
        return [stage for stage in self.stages if buffer in stage.outputs]

    def gathered(self) -> set[bytes]:
        """The buffers that are read whole by all their readers: they are side inputs only."""
        sides = {buffer for stage in self.stages for buffer in stage.sides}
        return sides - {stage.main[1] for stage in self.stages if stage.main}

    def tasks(self) -> int:
        """The number of tasks of all stages."""
        return sum(stage.tasks for stage in self.stages)


def plan_tasks(context: Any, stages: list[Any], partitions: int) -> TaskPlan:
    """The plan for Beam's fused stages and their context.

    Raises NotImplementedError for a stage that has not exactly one main input.
    """
    mains = [_main_input(stage) for stage in stages]
    spread: dict[bytes, bool] = {}
    for stage, (_, buffer) in zip(stages, mains, strict=True):
        if is_grouped(buffer) or stage.is_stateful():
            spread[buffer] = True
        elif is_reshuffled(buffer):
            spread.setdefault(buffer, False)
    written: dict[bytes, int] = {}  # tasks that write each buffer
    planned = []
    for index, (stage, main) in enumerate(zip(stages, mains, strict=True)):
        buffer = main[1]
        impulse = buffer == translations.IMPULSE_BUFFER
        tasks = 1 if impulse else partitions if buffer in spread else written.get(buffer, 0)
        for output in outputs(stage):
            written[output] = written.get(output, 0) + tasks
        sides = dict.fromkeys(side for side, _ in side_inputs(stage).values())
        planned.append(
            PlannedStage(
                index,
                stage.name,
                None if impulse else main,
                tuple(sides),
                tuple(outputs(stage)),
                tasks,
            )
        )
    return TaskPlan(_job(context, stages, spread, partitions), tuple(planned))


def _main_input(stage: Any) -> tuple[str, bytes]:
    inputs = main_inputs(stage)
    if len(inputs) != 1:
        raise NotImplementedError(f"{stage.name} has {len(inputs)} main inputs")
    return inputs[0]


def _job(context: Any, stages: list[Any], spread: dict[bytes, bool], partitions: int) -> JobSpec:
    return JobSpec(
        id=uuid.uuid4().hex,
        components=context.components.SerializeToString(),
        safe_coders=context.safe_coders,
        channel_coders=context.data_channel_coders,
        spread=spread,
        partitions=partitions,
        stages=[
            StageSpec(
                stage.name,
                stage.environment,
                stage.timers,
                [transform.SerializeToString() for transform in stage.transforms],
            )
            for stage in stages
        ],
    )
