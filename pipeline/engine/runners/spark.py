"""Runs a bounded Beam pipeline on Spark, by PySpark.

Each fused stage of the plan is one RDD whose partitions are the stage's tasks.  Spark places
tasks, exchanges what they wrote, and makes anew what a lost executor had; a task that runs
twice gives the same (`task.py`), so nothing depends on what was lost.

A record is `(bucket, BufferPiece)`: a piece of one buffer for one task of the stage that reads it.
"""

from __future__ import annotations

import collections
import pickle
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

from pyspark import RDD, Accumulator, Broadcast, SparkContext, StorageLevel
from pyspark.accumulators import AccumulatorParam

from pipeline.engine.runners.preflight import Installation, difference, installation
from pipeline.engine.runners.task import METRICS, run_task
from pipeline.engine.runners.task_plan import PlannedStage, TaskPlan
from pipeline.engine.runners.task_runner import TaskRunner

_LOOK = 0.2  # seconds between two looks at a running stage


class BufferPiece(NamedTuple):
    """What one task wrote into a buffer, for one bucket."""

    #: (number of the stage, number of the task) that wrote it: pieces are put together in this
    #: order, not in that of their arrival.
    writer: tuple[int, int]
    buffer: bytes
    chunks: list[bytes]


class _Listed(AccumulatorParam[list[bytes]]):
    """Failures of tasks, as they come in."""

    def zero(self, value: list[bytes]) -> list[bytes]:
        return []

    def addInPlace(self, value1: list[bytes], value2: list[bytes]) -> list[bytes]:  # noqa: N802
        return value1 + value2


class SparkRunner(TaskRunner):
    """FnApiRunner whose fused stages run as Spark's tasks, stage by stage.

    `on_task(done, total)` is called as tasks end.
    """

    def __init__(
        self, context: SparkContext, partitions: int, on_task: Callable[[int, int], None]
    ) -> None:
        """Raises WebtextError for a version of Beam that it was not tested with."""
        super().__init__(partitions)
        self._context, self._on_task = context, on_task

    def execute(self, plan: TaskPlan) -> dict[str, list[bytes]]:
        """Runs the stages one after the other; Spark's jobs of the plan end with this call."""
        # One thread, because Spark keeps the group of a job for each thread.
        with ThreadPoolExecutor(1, "spark") as thread:
            job = _Job(self._context, plan, thread, self._on_task)
            try:
                return job.run()
            finally:
                job.end()


class _Job:
    """A plan while it runs."""

    def __init__(
        self,
        context: SparkContext,
        plan: TaskPlan,
        thread: ThreadPoolExecutor,
        on_task: Callable[[int, int], None],
    ) -> None:
        self._context, self._plan, self._thread, self._on_task = context, plan, thread, on_task
        self._written: dict[int, RDD[tuple[int, BufferPiece]]] = {}
        self._gathered = plan.gathered()
        self._held: dict[bytes, list[bytes]] = collections.defaultdict(list)
        self._shared: list[Broadcast[Any]] = []
        self._spec = self._share(pickle.dumps(plan.job))
        self._failures = context.accumulator([], _Listed())
        self._ended = context.accumulator(0)

    def run(self) -> dict[str, list[bytes]]:
        """{stage: metrics}."""
        metrics: dict[str, list[bytes]] = collections.defaultdict(list)
        group = self._plan.job.id
        self._thread.submit(self._context.setJobGroup, group, "webtext").result()
        for stage in self._plan.stages:
            self._written[stage.index] = self._of_stage(stage)
            # What is only gathered comes with the metrics, or Spark would run as many tasks again.
            wanted = {METRICS, *self._gathered.intersection(stage.outputs)}
            for piece in self._pieces([self._written[stage.index]], wanted):
                if piece.buffer == METRICS:
                    metrics[stage.name] += piece.chunks
                else:
                    self._held[piece.buffer] += piece.chunks
        return metrics

    def end(self) -> None:
        """Ends what still runs, and frees what was kept."""
        self._context.cancelJobGroup(self._plan.job.id)
        for written in self._written.values():
            written.unpersist()
        for shared in self._shared:
            shared.destroy()

    def _share(self, value: Any) -> Broadcast[Any]:
        shared = self._context.broadcast(value)
        self._shared.append(shared)
        return shared

    def _of_stage(self, stage: PlannedStage) -> RDD[tuple[int, BufferPiece]]:
        """What the tasks of a stage write.  It is kept: several stages may read it."""
        sides = [(side, self._share(self._chunks_of(side))) for side in stage.sides]
        spread = frozenset(self._plan.job.spread)
        task = _Task(self._spec, spread, stage, sides, self._failures, self._ended, installation())
        return self._input(stage).mapPartitionsWithIndex(task).persist(StorageLevel.MEMORY_AND_DISK)

    def _input(self, stage: PlannedStage) -> RDD[tuple[int, BufferPiece]]:
        """What each task reads, one partition a task."""
        if stage.main is None:
            return self._context.parallelize([], 1)
        buffer = stage.main[1]
        pieces = self._union(self._writers(buffer)).filter(partial(_is_of, {buffer}))
        if buffer not in self._plan.job.spread:
            return pieces
        return pieces.partitionBy(stage.tasks, _same)

    def _chunks_of(self, buffer: bytes) -> list[bytes]:
        """All of a buffer, here."""
        if buffer in self._gathered:
            return self._held[buffer]
        pieces = self._pieces(self._writers(buffer), {buffer})
        return [chunk for piece in pieces for chunk in piece.chunks]

    def _writers(self, buffer: bytes) -> list[RDD[tuple[int, BufferPiece]]]:
        return [self._written[writer.index] for writer in self._plan.producers(buffer)]

    def _union(self, written: list[RDD[tuple[int, BufferPiece]]]) -> RDD[tuple[int, BufferPiece]]:
        """Their partitions one after the other; a Flatten of nothing has no writer."""
        return self._context.union(written) if written else self._context.emptyRDD()

    def _pieces(
        self, written: list[RDD[tuple[int, BufferPiece]]], buffers: set[bytes]
    ) -> list[BufferPiece]:
        """The pieces of some buffers in order; runs the tasks that have not run."""
        asked = self._union(written).filter(partial(_is_of, buffers))
        future: Future[list[tuple[int, BufferPiece]]] = self._thread.submit(asked.collect)
        total = self._plan.tasks()
        ended = False
        while not ended:
            ended = bool(wait([future], _LOOK).done)
            # A task that ran again because its result was lost has ended twice.
            self._on_task(min(self._ended.value, total), total)
            self._raise_failure()
        return sorted(piece for _, piece in future.result())

    def _raise_failure(self) -> None:
        """Raises the first error that a task has told."""
        for failure in self._failures.value:
            error, text = pickle.loads(failure)  # noqa: S301  # from a task of this job
            raise error from RuntimeError(f"on an executor:\n{text}")


def _is_of(buffers: set[bytes], record: tuple[int, BufferPiece]) -> bool:
    return record[1].buffer in buffers


def _same(bucket: int) -> int:
    return bucket


@dataclass(frozen=True)
class _Task:
    """What an executor does with one partition of a stage.

    An error of the step is told by an accumulator and not raised, or Spark would try again.
    """

    job: Broadcast[bytes]
    spread: frozenset[bytes]
    stage: PlannedStage
    sides: Sequence[tuple[bytes, Broadcast[list[bytes]]]]
    failures: Accumulator[list[bytes]]
    ended: Accumulator[int]
    wanted: Installation

    def __call__(
        self, number: int, records: Iterable[tuple[int, BufferPiece]]
    ) -> Iterator[tuple[int, BufferPiece]]:
        """Runs the task; what it wrote, piece by piece."""
        try:
            # Also an executor that came late must be as the submitting side is.
            difference("An executor", "of Spark", _here(), self.wanted)
            written = self._run(number, sorted(piece for _, piece in records))
        except Exception as error:
            self.failures.add([_told(error)])
            return
        self.ended.add(1)
        writer = (self.stage.index, number)
        for buffer, chunks in written.items():
            if buffer in self.spread:
                for bucket, chunk in enumerate(chunks):
                    if chunk:
                        yield bucket, BufferPiece(writer, buffer, [chunk])
            else:
                yield 0, BufferPiece(writer, buffer, chunks)

    def _run(self, number: int, pieces: Sequence[BufferPiece]) -> dict[bytes, list[bytes]]:
        chunks = [piece.chunks for piece in pieces]
        sides = [(buffer, [shared.value]) for buffer, shared in self.sides]
        stage = self.stage
        return run_task(self.job.value, stage.index, number, stage.main, chunks, sides)


@cache
def _here() -> Installation:
    return installation()


def _told(error: Exception) -> bytes:
    """An error and its traceback as bytes; one that does not pickle becomes a RuntimeError."""
    text = traceback.format_exc()
    try:
        told = pickle.dumps((error, text))
        pickle.loads(told)  # noqa: S301  # made one line above
    except Exception:
        return pickle.dumps((RuntimeError(f"{type(error).__name__}: {error}"), text))
    return told
