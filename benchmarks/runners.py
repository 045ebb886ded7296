"""What runners cost: each stage by bare functions, in one process, and on one and two workers.

    python benchmarks/runners.py [--posts RS --comments RC --archive WARC] [--workers 1 2]
        [--min-karma 3]
    python benchmarks/runners.py --whole 3 [--posts RS --comments RC --archive WARC] [--min-karma 3]

It builds a corpus (the bundled sample, unless dumps and an archive are named) in a folder of
its own, several times.  `bare` calls the very units of work of the build in a plain loop,
without Beam: they are written down by a first run and then carried out again.  `local` is
Beam in one process; the others are dask with so many local workers.  Pages come from the
archive.  `--whole` runs the command itself in turns, as often as it says, by the default, by one
worker and by two, and each time once more with nothing to do.  Of each, seconds by the clock and
seconds of processor time are printed; on a machine with other work only the latter mean
something.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import cloudpickle
import psutil

from pipeline.build.build import ALL_STAGES, run_stage
from pipeline.build.recipe import Recipe, read_recipe
from pipeline.engine import sink
from pipeline.engine.runners.open import open_runner
from pipeline.engine.runners.profiles import RunnerSettings
from pipeline.sample import COMMENTS, PAGES, POSTS
from pipeline.store.corpus import STAGES, Corpus
from pipeline.store.parts import Part

INTERVAL = "2024-01"


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock, and of processor time of this process and all below it."""

    clock: float
    processor: float


def cost_of(work: Callable[[], object]) -> Cost:
    """Does the work."""
    clock, processor = time.perf_counter(), _processor()
    work()
    return Cost(time.perf_counter() - clock, _processor() - processor)


def _processor() -> float:
    total, me = 0.0, psutil.Process()
    for process in [me, *me.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue  # it ended: what it used is among its parent's `children`
        total += times.user + times.system + times.children_user + times.children_system
    return total


def recipe_for(root: Path, given: argparse.Namespace) -> Recipe:
    """The quickstart's recipe with pages from an archive."""
    return read_recipe("quickstart", settings_for(root, given))


def settings_for(root: Path, given: argparse.Namespace) -> list[str]:
    """What differs from the quickstart's recipe."""
    source = f'{{kind="reddit-dump", posts="{given.posts}", comments="{given.comments}"}}'
    return [
        f'corpus.root="{root}"',
        f"links.sources=[{source}]",
        'pages.source="warc"',
        f'pages.warc=["{given.archive}"]',
        f"links.min_karma={given.min_karma}",
    ]


def on_runner(
    root: Path, given: argparse.Namespace, workers: int, units: Path | None = None
) -> dict[str, Cost]:
    """{stage: cost} of a build; `units` is where its units of work are written down."""
    recipe, found = recipe_for(root, given), {}
    name = "local" if workers == 0 else "dask"
    into: list[Path] = []
    if units:
        _record(into)
    settings = RunnerSettings.checked({"name": name, "workers": max(1, workers)}, "benchmark")
    with open_runner(settings, (), str(root)) as runner:
        found["start"] = cost_of(lambda: runner.run(beam.Create([1]), "start"))
        for stage in ALL_STAGES:
            job = recipe.job()
            if units:
                into[:] = [units / stage.name]
                into[0].mkdir(parents=True)
            found[stage.name] = cost_of(lambda s=stage, j=job: run_stage(s, j, runner))
    return found


def _record(into: list[Path]) -> None:
    """Makes all transforms of this process write their units into the folder in `into`."""

    def recorded(unit: Any, make: Callable[[Any], Iterable[Part]]) -> Iterable[Part]:
        number = len(list(into[0].iterdir()))
        (into[0] / f"{number:06d}").write_bytes(cloudpickle.dumps((make, unit)))
        return make(unit)

    sink._parts_of = recorded  # type: ignore[assignment]


def bare(root: Path, units: Path) -> dict[str, Cost]:
    """{stage: cost} of the units that were written down, in a loop and in their order."""
    found, corpus = {}, Corpus(str(root))
    for name in STAGES:
        made = [Path(corpus.folder("tokens/gpt2" if name == "tokens" else name, INTERVAL))]
        if name == "tokens":
            made.append(Path(corpus.tokenizer("gpt2")))
        for folder in made:
            folder.rename(folder.with_suffix(".aside"))
            folder.mkdir()
        work = [cloudpickle.loads(path.read_bytes()) for path in sorted((units / name).iterdir())]
        found[name] = cost_of(lambda work=work: [list(make(unit)) for make, unit in work])
        for folder in made:
            shutil.rmtree(folder)
            folder.with_suffix(".aside").rename(folder)
    return found


def alone(work: Callable[..., dict[str, Cost]], *arguments: Any) -> dict[str, Cost]:
    """Does the work in a process of its own, which finds nothing that another has loaded."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        return process.submit(work, *arguments).result()


def add_input(parser: argparse.ArgumentParser) -> None:
    """The options that name what is built: the bundled sample, unless they do."""
    parser.add_argument("--posts", default=POSTS)
    parser.add_argument("--comments", default=COMMENTS)
    parser.add_argument("--archive", default=PAGES)
    parser.add_argument("--min-karma", type=int, default=3, help="more: a smaller build")


def command_for(root: Path, given: argparse.Namespace, *more: str) -> list[str]:
    """The whole command that builds it."""
    command = [sys.executable, "-P", "-m", "pipeline", "build", "quickstart", *more]
    for setting in settings_for(root, given):
        command += ["--set", setting]
    return command


def whole(given: argparse.Namespace) -> str:
    """Markdown: the command by each runner, in turns, and then with nothing to do."""
    lines = ["| runner | build | nothing to do |", "|---|---|---|"]
    for _ in range(given.whole):
        for name in ("auto", "local", "dask"):
            with tempfile.TemporaryDirectory() as folder:
                command = command_for(Path(folder, name), given, "--runner", name, "--workers", "2")
                run = partial(subprocess.run, command, check=True, stdout=subprocess.DEVNULL)
                costs = [cost_of(run), cost_of(run)]
            cells = [f"{cost.clock:.1f} ({cost.processor:.1f})" for cost in costs]
            lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines)


def table(columns: dict[str, dict[str, Cost]]) -> str:
    """Markdown: clock (processor) seconds."""
    lines = ["| stage | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for stage in ["start", *STAGES, "sum"]:
        cells = [stage]
        for costs in columns.values():
            if stage == "sum":
                each = [cost for name, cost in costs.items() if name != "start"]
                cost = Cost(sum(c.clock for c in each), sum(c.processor for c in each))
            else:
                cost = costs.get(stage)
            cells.append(f"{cost.clock:.1f} ({cost.processor:.1f})" if cost else "")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """One table of all runs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_input(parser)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--whole", type=int, default=0, help="turns of the whole command")
    given = parser.parse_args()
    if given.whole:
        print(whole(given))
        return
    columns: dict[str, dict[str, Cost]] = {}
    with tempfile.TemporaryDirectory() as folder:
        root, units = Path(folder, "recorded"), Path(folder, "units")
        alone(on_runner, root, given, 0, units)
        columns["bare"] = alone(bare, root, units)
        columns["local"] = alone(on_runner, Path(folder, "local"), given, 0)
        for count in given.workers:
            place = Path(folder, f"dask{count}")
            columns[f"dask, {count}"] = alone(on_runner, place, given, count)
    print(table(columns))


if __name__ == "__main__":
    main()
