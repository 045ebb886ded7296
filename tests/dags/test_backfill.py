"""Two months filled in by the real scheduler: one crawl at a time, a kill, and the same corpus.

The months hold links of falling karma, so the page that is kept of several alike is the same
as when all are built at once.  Each month is a partition of the corpus's asset, which starts its
training.
"""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
from airflow_runs import Airflow
from support import PROJECT, Run

from pipeline.store.corpus import STAGES, Corpus
from pipeline.store.manifest import add_fingerprints
from pipeline.store.release import read_release

pytestmark = pytest.mark.system
MONTHS = ("2024-01", "2024-02")

RECIPE = """
[corpus]
root = "{folder}/corpus"
[links]
sources = [{{ kind = "urls", path = "{folder}/links-{{interval}}.txt" }}]
[pages]
via = "{replay}"
allow_hosts = ["127.0.0.1"]
delay = 0.0
[tokens]
kind = "bpe"
vocab_size = 4096
shards = 1
validation_fraction = 0.05
[runner]
workers = 1
"""

TINY = """
[model]
layers = 1
width = 32
heads = 2
context = 32
[schedule]
warmup = 0
[train]
steps = 3
batch = 8
[eval]
sequences = 8
[log]
tensorboard = false
"""


@pytest.fixture
def recipe(sample_root: Path, tmp_path: Path, replay: str) -> Path:
    """A recipe of two months: the sample's links, dealt out by karma."""
    corpus = Corpus(str(sample_root))
    rows = [
        row
        for path in corpus.paths("links", "2024-01")
        for row in pq.read_table(path, columns=["url", "karma"]).to_pylist()
    ]
    karma = sorted((row["karma"] for row in rows), reverse=True)
    bounds = [karma[0], karma[len(rows) // 2], -1]
    for month, high, low in zip(MONTHS, bounds, bounds[1:], strict=False):
        chosen = [row for row in rows if low < row["karma"] <= high]
        text = "".join(f"{row['url']}\t{row['karma']}\n" for row in chosen)
        (tmp_path / f"links-{month}.txt").write_text(text)
    place = tmp_path / "recipe.toml"
    place.write_text(RECIPE.format(folder=tmp_path, replay=replay))
    return place


@pytest.fixture
def airflow(airflow_python: Path, home: Path, recipe: Path) -> Airflow:
    folder = recipe.parent
    (folder / "tiny.toml").write_text(TINY)
    return Airflow(
        airflow_python,
        home,
        WEBTEXT_RECIPE=str(recipe),
        WEBTEXT_START=f"{MONTHS[0]}-01",
        WEBTEXT_TRAIN_RECIPE=str(folder / "tiny.toml"),
        WEBTEXT_RUNS=str(folder / "runs"),
        WEBTEXT_MODELS=str(folder / "models"),
    )


def kill_the_documents_of_the_first_month(airflow: Airflow, root: Path) -> None:
    """Waits until the stage is at work, then kills its command as a lack of memory would."""
    folder = root / "documents" / MONTHS[0] / "_progress"
    airflow.wait(lambda: any(folder.glob("*.json")))
    for process in airflow.family():
        with suppress(psutil.Error):
            line = process.cmdline()
            if "--until" in line and line[line.index("--until") + 1] == "documents":
                process.kill()
                return
    raise AssertionError("the stage ended before it could be killed")


def test_a_backfill_of_two_months_is_one_full_build_and_is_trained_on(
    airflow: Airflow, recipe: Path, webtext: Run
) -> None:
    root = recipe.parent / "corpus"
    # Before the scheduler, as SQLite has one writer; it begins when the server of its tasks is up.
    airflow.command("pools", "import", str(PROJECT / "dags" / "pools.json"))
    airflow.command("dags", "reserialize")
    airflow.command(
        *("backfill", "create", "--dag-id", "webtext_monthly"),
        *("--from-date", f"{MONTHS[0]}-01", "--to-date", f"{MONTHS[-1]}-01"),
        *("--max-active-runs", "1", "--reprocess-behavior", "failed"),
    )
    with airflow.standalone():
        airflow.wait(lambda: airflow.ask("dags/webtext_monthly", is_paused=False))
        airflow.wait(lambda: airflow.ask("dags/webtext_train", is_paused=False))
        kill_the_documents_of_the_first_month(airflow, root)
        whole = all_at_once(recipe, webtext)
        runs = airflow.wait(lambda: airflow.runs("webtext_monthly", "backfill"), 5)
        trained = airflow.wait(
            lambda: airflow.runs("webtext_train", "asset_triggered", len(MONTHS)), 5
        )
        said = airflow.ask("dags/webtext_monthly/dagRuns/~/taskInstances?limit=200")
        events = airflow.ask("assets/events")["asset_events"]
    assert [run["state"] for run in runs] == ["success"] * len(MONTHS)
    same_corpus(Corpus(str(root)), whole)

    tasks = [one for one in said["task_instances"] if one["state"] == "success"]
    tasks = [one for one in tasks if one["dag_run_id"] in {run["dag_run_id"] for run in runs}]
    tries = sorted(one["try_number"] for one in tasks if one["task_id"] == "documents")
    assert tries == [1, 2]
    crawls = sorted((t["start_date"], t["end_date"]) for t in tasks if t["task_id"] == "crawl")
    assert len(crawls) == 8 * len(MONTHS)
    assert all(end <= start for (_, end), (start, _) in pairwise(crawls))

    events = [event for event in events if event["extra"].get("root") == str(root)]
    ours = [event["extra"] for event in events]
    assert [extra["interval"] for extra in ours] == list(MONTHS)
    assert [event["partition_key"] for event in events] == list(MONTHS)
    assert sorted(run["partition_key"] for run in trained) == list(MONTHS)
    assert {run["state"] for run in trained} == {"success"}
    published = json.loads((recipe.parent / "models" / "PUBLISHED.json").read_text())
    prints = [extra["fingerprint"][:12] for extra in ours]
    assert any(published["model"].endswith(f"/tiny-{one}-00000003") for one in prints)


def all_at_once(recipe: Path, webtext: Run) -> Corpus:
    """The same links as one interval, built by hand."""
    whole = recipe.parent / "whole"
    links = f'links.sources=[{{kind="urls", path="{recipe.parent}/links-2024-*.txt"}}]'
    done = webtext("build", str(recipe), f"--set=corpus.root={whole}", "--set", links)
    assert done.returncode == 0, done.stdout
    return Corpus(str(whole))


def same_corpus(ours: Corpus, whole: Corpus) -> None:
    """The months say together what the one interval says, and are published."""
    for stage in STAGES[:-1]:
        months = [ours.require(stage, month).fingerprint for month in MONTHS]
        assert add_fingerprints(months) == whole.require(stage, "all").fingerprint, stage
    release = read_release(ours).as_plain(ours)
    assert release["intervals"] == list(MONTHS)
    assert release["fingerprint"] == whole.require("corpus", "all").fingerprint
