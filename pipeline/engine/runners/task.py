"""What one task does on any engine: one partition of one fused stage, by Beam's own bundle code.

FnApiRunner executes the bundle in an execution context that holds this single
stage; tagged outputs, side inputs, state, timers, splittable DoFns, windows and
metrics are therefore Beam's.  In and out go encoded bytes.

A task may be run again after its worker was lost, also when its output was read
already.  So nothing here depends on the order of arrival or on chance: elements
are put into partitions by the CRC-32 of their encoded key, or dealt out in sorted
order, and the random generator is seeded by the task's name.
"""

from __future__ import annotations

import itertools
import pickle
import random
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from apache_beam.coders.coder_impl import create_InputStream
from apache_beam.metrics.monitoring_infos import consolidate
from apache_beam.portability.api import beam_runner_api_pb2 as pb
from apache_beam.runners.portability.fn_api_runner import execution, fn_runner, translations
from apache_beam.runners.portability.fn_api_runner.worker_handlers import WorkerHandlerManager
from apache_beam.utils.timestamp import MAX_TIMESTAMP

from pipeline.engine.runners.translate import outputs, side_inputs

#: Buffer of a task's metrics among its results.
METRICS = b""
#: Encoded elements, or a task's result that holds them and nothing else.
Chunks = Sequence[bytes] | dict[bytes, list[bytes]]
_TIMER_POLL = 0.05  # seconds between two looks at a processing-time timer


@dataclass(frozen=True)
class StageSpec:
    """A fused stage in a form that pickles: protos are bytes."""

    name: str
    environment: str
    timers: Any
    transforms: list[bytes]


@dataclass(frozen=True)
class JobSpec:
    """All that tasks of a job share."""

    id: str
    components: bytes
    safe_coders: dict[str, str]
    channel_coders: dict[str, str]
    #: Buffers that are spread over the partitions: True by key, False evenly.
    spread: dict[bytes, bool]
    partitions: int
    stages: list[StageSpec]


class SpreadBuffer:
    """Collects a stage's output in one bucket a partition."""

    cleared = False  # part of the interface of Beam's buffers

    def __init__(self, coder: Any, by_key: bool, buckets: int) -> None:
        self._decode = coder.get_impl().decode_from_stream
        self._encode_key = coder.key_coder().get_impl().encode if by_key else None
        self._buckets: list[list[bytes]] = [[] for _ in range(buckets)]
        self._even: list[bytes] = []

    def append(self, data: bytes) -> None:
        """Takes a run of encoded elements apart and puts each into its bucket."""
        stream, end, start = create_InputStream(data), len(data), 0
        while start < end:
            element = self._decode(stream, True)
            stop = end - stream.size()
            if self._encode_key is None:
                self._even.append(data[start:stop])
            else:
                token = zlib.crc32(self._encode_key(element.value[0]))
                self._buckets[token % len(self._buckets)].append(data[start:stop])
            start = stop

    def buckets(self, partition: int) -> list[bytes]:
        """The encoded elements for each partition; even ones are dealt in sorted order."""
        of = len(self._buckets)
        self._even.sort()
        return [
            b"".join(bucket + self._even[(number - partition) % of :: of])
            for number, bucket in enumerate(self._buckets)
        ]


class _Context(execution.FnApiRunnerExecutionContext):
    """The context of one stage, whose side inputs all come from elsewhere."""

    @staticmethod
    def _build_data_side_inputs_map(stages: Any) -> dict[str, Any]:
        return {}


def run_task(
    job: bytes,
    index: int,
    partition: int,
    main: tuple[str, bytes] | None,
    chunks: Sequence[Chunks],
    sides: Sequence[tuple[bytes, Sequence[Chunks]]],
) -> dict[bytes, list[bytes]]:
    """Runs a partition of stage `index`; returns {buffer: encoded elements}, metrics included.

    `main` is (transform, buffer) of the main input that `chunks` hold, None for an
    impulse; `sides` are the side inputs' buffers with all their elements.
    """
    spec: JobSpec = pickle.loads(job)  # noqa: S301  # made by the submitting side of this job
    stage = _stage(spec.stages[index])
    written = outputs(stage)  # before the context puts ports in the place of buffer names
    components = pb.Components.FromString(spec.components)  # anew: the context writes into it
    runner = fn_runner.FnApiRunner()
    handlers = WorkerHandlerManager(components.environments, runner._provision_info)
    random.seed(f"{spec.id}/{index}/{partition}")
    try:
        context = _Context(
            [stage], handlers, components, spec.safe_coders, spec.channel_coders, num_workers=1
        )
        context._enqueue_stage_initial_inputs(stage)  # impulses; also sets data ports
        manager = context.bundle_manager_for(stage)
        _open_outputs(context, written, spec)
        _load_sides(context, stage, sides)
        if main is not None:
            _load_main(context, manager, stage, main, chunks)
        infos = _execute(runner, context, manager)
        result = {METRICS: [info.SerializeToString() for info in infos]}
        for buffer_id in written:
            buffer = context.pcoll_buffers.get(buffer_id, ())
            spread = buffer_id in spec.spread
            result[buffer_id] = buffer.buckets(partition) if spread else list(buffer)
        return result
    finally:
        handlers.close_all()


def _stage(spec: StageSpec) -> Any:
    transforms = [pb.PTransform.FromString(data) for data in spec.transforms]
    stage = translations.Stage(spec.name, transforms, environment=spec.environment)
    stage.timers = spec.timers
    return stage


def _open_outputs(context: Any, written: dict[bytes, str], spec: JobSpec) -> None:
    for buffer_id, collection in written.items():
        if buffer_id in spec.spread:
            coder_id = spec.safe_coders[spec.channel_coders[collection]]
            context.pcoll_buffers[buffer_id] = SpreadBuffer(
                context.pipeline_context.coders[coder_id], spec.spread[buffer_id], spec.partitions
            )


def _load_sides(context: Any, stage: Any, sides: Sequence[tuple[bytes, Sequence[Chunks]]]) -> None:
    for buffer_id, chunks in sides:
        buffer = execution.ListBuffer(None)
        for data in _elements(buffer_id, chunks):
            buffer.append(data)
        context.pcoll_buffers[buffer_id] = buffer
        collection = translations.split_buffer_id(buffer_id)[1]
        node = context.watermark_manager.get_pcoll_node(collection)
        node.set_produced_watermark(MAX_TIMESTAMP)
    context.commit_side_inputs_to_state(side_inputs(stage))


def _load_main(
    context: Any, manager: Any, stage: Any, main: tuple[str, bytes], chunks: Sequence[Chunks]
) -> None:
    name, buffer_id = main
    buffer = manager.get_buffer(buffer_id, name)
    for data in _elements(buffer_id, chunks):
        buffer.append(data)
    ready = (stage.name, translations.DataInput({name: buffer}, {}))
    context.queues.ready_inputs.enque(ready)
    context.pcoll_buffers.pop(buffer_id)


def _elements(buffer_id: bytes, chunks: Sequence[Chunks]) -> Iterator[bytes]:
    for chunk in chunks:
        yield from chunk[buffer_id] if isinstance(chunk, dict) else chunk


def _execute(runner: Any, context: Any, manager: Any) -> list[Any]:
    """Runs bundles until no input and no timer is left; returns the metrics."""
    infos: list[Any] = []
    queues = context.queues
    while True:
        runner._schedule_ready_bundles(context)
        if len(queues.ready_inputs):
            _, data = queues.ready_inputs.deque()
            done = runner._execute_bundle(context, manager, data)
            metrics = itertools.chain(done.process_bundle.monitoring_infos, infos)
            infos = list(consolidate(metrics))
        elif len(queues.time_pending_inputs):
            time.sleep(_TIMER_POLL)
        else:
            break
    if len(queues.watermark_pending_inputs):
        raise RuntimeError("a bundle waits for a watermark that will not come")
    return infos
