"""What partitions cost on dask: tasks, and processor time of the scheduler and of two workers.

    python benchmarks/partitions.py [--stage dedup] 8 32 128 512

The bundled sample is built once in this process, and then the stage again for each number of
partitions on two local workers.  Its work is the same each time, so what grows is the engine.  With
local workers the scheduler is in the process that submits; its seconds hold Beam's planning, too.
"""

from __future__ import annotations

import argparse
import os
import pickle
import tempfile
from collections.abc import Mapping
from typing import Any

import psutil

from pipeline.build.build import ALL_STAGES, build, run_stage
from pipeline.build.recipe import Recipe, read_recipe
from pipeline.engine.runners.cluster import DaskBuild
from pipeline.engine.runners.dask_settings import DaskSettings
from pipeline.engine.runners.open import open_runner
from pipeline.engine.runners.profiles import RunnerSettings
from pipeline.store import files


def seconds_of(process: psutil.Process) -> float:
    """Processor time of one process, without those below it."""
    times = process.cpu_times()
    return float(times.user + times.system)


def measured(recipe: Recipe, name: str, partitions: int) -> str:
    """A line of the table."""
    stage = next(stage for stage in ALL_STAGES if stage.name == name)
    job = recipe.job()
    files.remove(stage.folder(job))
    graphs: list[tuple[int, int]] = []
    settings = RunnerSettings(name="dask", workers=2, dask=DaskSettings(partitions=partitions))
    with open_runner(settings) as runner:
        assert isinstance(runner, DaskBuild)
        submit = runner.client.get

        def get(graph: Mapping[Any, Any], *arguments: Any, **named: Any) -> Any:
            graphs.append((len(graph), len(pickle.dumps(graph))))
            return submit(graph, *arguments, **named)

        runner.client.get = get
        me = psutil.Process()
        workers = [psutil.Process(pid) for pid in runner.client.run(os.getpid).values()]
        before = seconds_of(me), sum(map(seconds_of, workers))
        run_stage(stage, job, runner)
        after = seconds_of(me), sum(map(seconds_of, workers))
    [(tasks, size)] = graphs
    spent = [late - early for early, late in zip(before, after, strict=True)]
    return f"| {partitions} | {tasks:,} | {size / 1e6:.1f} | {spent[0]:.1f} | {spent[1]:.1f} |"


def main() -> None:
    """One line for each number of partitions."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("partitions", type=int, nargs="+")
    parser.add_argument("--stage", default="dedup")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        settings = [f'corpus.root="{root}"', 'pages.source="warc"', 'runner.name="local"']
        recipe = read_recipe("quickstart", [*settings, 'pages.warc=["{sample}/pages.warc.gz"]'])
        build(recipe, until=given.stage, say=lambda line: None)
        print("| partitions | tasks | MB | scheduler, s | workers, s |\n|---|---|---|---|---|")
        for partitions in given.partitions:
            print(measured(recipe, given.stage, partitions), flush=True)


if __name__ == "__main__":
    main()
