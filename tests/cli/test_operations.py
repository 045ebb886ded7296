"""docs/operations.md: its commands run in order; the tests that tables name are there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from airflow_runs import airflow_environment
from support import PROJECT

from pipeline.store.corpus import Corpus

PAGE = (PROJECT / "docs" / "operations.md").read_text()
COMMANDS = [line[2:] for line in PAGE.splitlines() if line.startswith("$ ")]


def run(commands: list[str], folder: Path, environment: dict[str, str]) -> str:
    """Runs the lines of a shell one by one; each must succeed."""
    assert commands
    said = ""
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        said += done.stdout
    return said


@pytest.mark.system
def test_commands_of_a_corpus(sample_root: Path, replay: str, tmp_path: Path) -> None:
    shutil.copytree(sample_root, tmp_path / "data" / "webtext")
    (tmp_path / "pipeline").symlink_to(PROJECT / "pipeline")  # the sample's paths lead there
    recipe = (PROJECT / "pipeline" / "recipes" / "quickstart.toml").read_text()
    recipe = recipe.replace("data/quickstart", "data/webtext")
    (tmp_path / "recipe.toml").write_text(recipe.replace("http://127.0.0.1:8017", replay))
    page = pq.read_table(Corpus(str(sample_root)).paths("corpus", "2024-01")[0])["url"][0].as_py()
    (tmp_path / "list.txt").write_text(f"{page}\n")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ours = [command for command in COMMANDS if not command.startswith("airflow ")]
    small = "layers=1 width=32 heads=2 context=32".split()
    settings = [f"model.{one}" for one in small]
    settings += ["schedule.warmup=0", "train.steps=2", "train.batch=4"]
    sets = " ".join(f"--set {one}" for one in settings)
    train = f"webtext train gpt2-tiny --data data/webtext/tokens/gpt2 --out runs/small {sets}"
    said = run([train, *ours], tmp_path, {**os.environ, "PATH": path})
    assert "runs/small" in said[said.index("Forgot") :]
    assert "Nothing to do" in said
    assert (tmp_path / "data" / "webtext" / "RELEASE.json").exists()
    assert (tmp_path / "found.json").exists()


@pytest.mark.system
def test_commands_of_airflow(airflow_python: Path, tmp_path: Path) -> None:
    path = f"{airflow_python.parent}:{os.environ['PATH']}"
    ours = [command for command in COMMANDS if command.startswith("airflow ")]
    said = run(ours, PROJECT, airflow_environment(tmp_path, PATH=path))
    assert said.count("Created backfill Dag run") == 3
    assert "manual__" in said


@pytest.mark.parametrize(("page", "count"), [("operations.md", 10), ("runners.md", 12)])
def test_tables_name_tests_that_are_there(page: str, count: int) -> None:
    """The runbook, and what is done twice: their last column."""
    lines = (PROJECT / "docs" / page).read_text().splitlines()
    rows = [line for line in lines if re.search(r"`(\w+/)*test_\w+`[^|]*\|$", line)]
    assert len(rows) == count
    for row in rows:
        named = row.rstrip("| ").rsplit(" | ", 1)[1]
        for file, functions in re.findall(
            r"`((?:\w+/)+test_\w+)`(?:: ((?:`test_\w+`,? ?)+))?", named
        ):
            place = PROJECT / "tests" / f"{file}.py"
            assert place.exists(), named
            text = place.read_text()
            assert all(f"def {one}(" in text for one in re.findall(r"\w+", functions)), named
