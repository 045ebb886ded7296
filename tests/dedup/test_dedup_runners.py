"""The stage on each runner, repeated, and killed: the same bytes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from dedup.intervals import Dedups
from forks import Command
from support import PROJECT, local_workers

from pipeline.dedup.stage import DedupStage
from pipeline.engine.runners.open import open_runner
from pipeline.engine.runners.profiles import RunnerSettings
from pipeline.store.manifest import MANIFEST

INTERVAL = "2024-01"


@pytest.fixture(scope="module")
def written(
    tmp_path_factory: pytest.TempPathFactory,
    prose: Callable[[int, int], list[str]],
    new_document: Callable[..., dict[str, Any]],
) -> Path:
    """A corpus of 2,000 documents in six parts: half are edited copies, some share passages."""
    rng, texts = random.Random(4), prose(1000, 300)
    for number in range(0, 1000, 10):
        texts[number] += " " + texts[number + 1][:800]
    for text in texts[:1000]:
        words = text.split()
        words[rng.randrange(300)] = "edited"
        texts.append(" ".join(words))
    rows = [new_document(f"a.org/{i}", text) for i, text in enumerate(texts)]
    root = tmp_path_factory.mktemp("dedup") / "corpus"
    Dedups(root).write(INTERVAL, rows, parts=6)
    return root


@pytest.fixture(scope="module")
def expected(written: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one worker in this process makes of it."""
    root = tmp_path_factory.mktemp("expected") / "corpus"
    shutil.copytree(written, root)
    return deduplicated(root, RunnerSettings(workers=1))


def deduplicated(root: Path, settings: RunnerSettings, *options: str) -> dict[str, Any]:
    job = Dedups(root).job(INTERVAL, passages={"enabled": True, "bounds": "word"})
    with open_runner(settings, options) as runner:
        runner.run(DedupStage().transform(job), "dedup")
    return contents(root)


def contents(root: Path) -> dict[str, Any]:
    """All tables of the stage (their footers name the folder), and what the manifest says."""
    folder = root / "dedup" / INTERVAL
    manifest = orjson.loads((folder / MANIFEST).read_bytes())
    said = {name: manifest[name] for name in ("counts", "extra", "fingerprint")}
    paths = sorted(set(folder.iterdir()) - {folder / MANIFEST})
    return {MANIFEST: said, **{path.name: pq.read_table(path) for path in paths}}


def test_steps_that_run_twice_write_the_same(
    written: Path, expected: dict[str, Any], tmp_path: Path
) -> None:
    assert sum(len(rows) for name, rows in expected.items() if name.startswith("_passages"))
    shutil.copytree(written, tmp_path / "corpus")
    options = "--direct_runner_bundle_repeat=2"
    assert deduplicated(tmp_path / "corpus", RunnerSettings(workers=1), options) == expected


@pytest.mark.system
def test_two_workers_of_whom_one_is_killed_write_the_same(
    written: Path, expected: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree(written, tmp_path / "corpus")
    killed: list[int] = []

    def kill() -> None:
        """Kills a worker as soon as the first signatures are there."""
        folder = tmp_path / "corpus" / "dedup" / INTERVAL
        while not any(folder.glob("_signatures-*")):
            time.sleep(0.01)
        victim = local_workers(os.getpid())[0]
        killed.append(victim.pid)
        victim.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    found = deduplicated(tmp_path / "corpus", RunnerSettings(name="dask", workers=2))
    killer.join()
    assert killed and found == expected


@pytest.mark.parametrize(
    "moment",
    [
        "_signatures-*",
        pytest.param("_work/pairs-*", marks=pytest.mark.system),
        pytest.param("_work/sets-*", marks=pytest.mark.system),
        pytest.param("_work/runs-*", marks=pytest.mark.system),
    ],
)
def test_a_killed_stage_goes_on_and_ends_equal(
    written: Path, expected: dict[str, Any], tmp_path: Path, moment: str
) -> None:
    root = tmp_path / "corpus"
    shutil.copytree(written, root)
    program = (
        "import sys; sys.path.append(sys.argv[2]); from dedup.test_dedup_runners import *; "
        "deduplicated(Path(sys.argv[1]), RunnerSettings(workers=1))"
    )
    process = Command("-c", program, str(root), str(PROJECT / "tests"), folder=tmp_path)
    folder = root / "dedup" / INTERVAL
    while not any(folder.glob(moment)):
        assert process.poll() is None, process.output()
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (folder / MANIFEST).exists()
    assert deduplicated(root, RunnerSettings(workers=1)) == expected
