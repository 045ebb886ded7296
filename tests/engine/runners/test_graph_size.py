"""The graph of tasks that a stage is on dask grows with the partitions, not with their square."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import apache_beam as beam
import distributed
import pytest
from dedup.intervals import Dedups, document

from pipeline.build.build import ALL_STAGES
from pipeline.build.recipe import read_recipe
from pipeline.dedup.stage import DedupStage
from pipeline.engine.runners.dask import DaskRunner
from pipeline.engine.runners.scheduler_size import TASKS_A_PARTITION, TASKS_BESIDE
from pipeline.engine.stage import Stage


class _Submitted(Exception):
    """Ends a run where the scheduler would get its graph."""


class _Counting:
    """In the place of a client: takes the graph, and runs nothing."""

    tasks = 0

    def get(self, graph: dict[Any, Any], *_: Any, **__: Any) -> None:
        self.tasks = len(graph)
        raise _Submitted


def tasks_of(transform: beam.PTransform, partitions: int) -> int:
    """Tasks of a stage's work."""
    client = _Counting()
    pipeline = beam.Pipeline(runner=DaskRunner(cast(distributed.Client, client), partitions))
    pipeline | transform
    with pytest.raises(_Submitted):
        pipeline.run()
    return client.tasks


@pytest.mark.parametrize("stage", ALL_STAGES, ids=lambda stage: stage.name)
def test_tasks_are_linear_in_partitions(stage: Stage, sample_root: Path) -> None:
    job = read_recipe("quickstart", [f"corpus.root={sample_root}"]).job()
    few, some, many = (tasks_of(stage.transform(job), count) for count in (8, 16, 128))
    # Each partition adds as many tasks as any other.
    assert many - some == (128 - 16) * (some - few) / (16 - 8)


@pytest.mark.parametrize("documents", [0, 60])
@pytest.mark.parametrize("partitions", [8, 32, 128, 512])
def test_dedup_has_less_than_20_tasks_a_partition(
    documents: int, partitions: int, tmp_path: Path
) -> None:
    assert tasks_of(dedup(tmp_path, documents), partitions) < 20 * partitions


@pytest.mark.parametrize("partitions", [8, 512])
def test_a_scheduler_is_sized_for_the_largest_graph(partitions: int, tmp_path: Path) -> None:
    tasks = tasks_of(dedup(tmp_path, 60, passages={"enabled": True}), partitions)
    assert 0.9 < tasks / (TASKS_A_PARTITION * partitions + TASKS_BESIDE) <= 1


def dedup(root: Path, documents: int, **settings: Any) -> beam.PTransform:
    """The stage's work on so many documents."""
    dedups = Dedups(root)
    rows = [document(f"a.org/{number}", f"Text {number}") for number in range(documents)]
    dedups.write("2024-01", rows)
    return DedupStage().transform(dedups.job("2024-01", **settings))
