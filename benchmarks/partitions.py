"""What partitions cost dedup on dask: tasks, and processor time of the scheduler and two workers.

    python benchmarks/partitions.py 8 32 128 512

Of all stages it has the most steps.  It is run on a corpus without documents and on a small one,
made up of random words, for each number of partitions on two local workers.  Its work is the same
each time, so what grows is the engine.  With local workers the scheduler is in the process that
submits; its seconds hold Beam's planning, too.
"""

from __future__ import annotations

import argparse
import os
import pickle
import random
import tempfile
from collections.abc import Mapping
from typing import Any

import psutil
from made import Row, write_stage

from pipeline.build.build import run_stage
from pipeline.build.recipe import Recipe, read_recipe
from pipeline.dedup.stage import DedupStage
from pipeline.engine.runners.cluster import DaskBuild
from pipeline.engine.runners.dask_settings import DaskSettings
from pipeline.engine.runners.open import open_runner
from pipeline.engine.runners.profiles import RunnerSettings
from pipeline.store import files
from pipeline.store.addresses import page_id
from pipeline.store.corpus import Corpus

INTERVAL = "2024-01"
PARTS = 4


def make(root: str, documents: int) -> None:
    """The stages that dedup reads; each tenth text is nearly the one before it."""
    chance, vocabulary, words = random.Random(1), [f"word{i}" for i in range(5000)], [""]
    rows: list[Row] = []
    for number in range(documents):
        words = [*words[1:], "end"] if number % 10 == 9 else chance.choices(vocabulary, k=500)
        rows.append({"id": page_id(f"a.example/{number}"), "text": " ".join(words)})
    parts = [rows[part::PARTS] for part in range(PARTS)]
    passed = {"karma": 3, "language": "en", "stage": "", "reason": ""}
    verdicts = [[{"id": row["id"], **passed} for row in part] for part in parts]
    no_cuts: list[list[Row]] = [[]] * PARTS
    write_stage(Corpus(root), "documents", INTERVAL, PARTS, part=parts)
    write_stage(Corpus(root), "quality", INTERVAL, PARTS, verdicts=verdicts, cuts=no_cuts)


def seconds_of(process: psutil.Process) -> float:
    """Processor time of one process, without those below it."""
    times = process.cpu_times()
    return float(times.user + times.system)


def measured(recipe: Recipe, partitions: int) -> str:
    """The cells of a line: tasks, those a partition, and what they cost."""
    stage, job = DedupStage(), recipe.job()
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
    cells = (
        f"{tasks:,}",
        f"{tasks / partitions:.1f}",
        f"{size / 1e6:.1f}",
        *map("{:.1f}".format, spent),
    )
    return " | ".join(cells)


def main() -> None:
    """One line for each corpus and number of partitions."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("partitions", type=int, nargs="+")
    given = parser.parse_args()
    print("| documents | partitions | tasks | a partition | MB | scheduler, s | workers, s |")
    print("|---|---|---|---|---|---|---|")
    for documents in (0, 400):
        with tempfile.TemporaryDirectory() as root:
            make(root, documents)
            recipe = read_recipe("quickstart", [f'corpus.root="{root}"'])
            for partitions in given.partitions:
                cells = measured(recipe, partitions)
                print(f"| {documents} | {partitions} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
