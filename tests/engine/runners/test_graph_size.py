"""The graph of tasks that a stage is on dask grows with the partitions, not with their square."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import apache_beam as beam
import distributed
import pytest

from pipeline.build.build import ALL_STAGES
from pipeline.build.recipe import read_recipe
from pipeline.engine.runners.dask import DaskRunner
from pipeline.engine.runners.scheduler_size import TASKS_A_PARTITION
from pipeline.engine.stage import Stage


class _Submitted(Exception):
    """Ends a run where the scheduler would get its graph."""


class _Counting:
    """In the place of a client: takes the graph, and runs nothing."""

    tasks = 0

    def get(self, graph: dict[Any, Any], *_: Any, **__: Any) -> None:
        self.tasks = len(graph)
        raise _Submitted


def tasks_of(stage: Stage, root: Path, partitions: int) -> int:
    """Tasks of a stage of the sample."""
    job = read_recipe("quickstart", [f"corpus.root={root}"]).job()
    client = _Counting()
    pipeline = beam.Pipeline(runner=DaskRunner(cast(distributed.Client, client), partitions))
    pipeline | stage.transform(job)
    with pytest.raises(_Submitted):
        pipeline.run()
    return client.tasks


@pytest.mark.parametrize("stage", ALL_STAGES, ids=lambda stage: stage.name)
def test_tasks_are_linear_in_partitions(stage: Stage, sample_root: Path) -> None:
    few, some, many = (tasks_of(stage, sample_root, count) for count in (8, 16, 128))
    # Each partition adds as many tasks as any other.
    assert many - some == (128 - 16) * (some - few) / (16 - 8)
    assert many - some <= TASKS_A_PARTITION * (128 - 16)
