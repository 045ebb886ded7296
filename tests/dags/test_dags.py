"""The DAGs in the real Airflow: they import, and run to their end on the sample."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from airflow_runs import SCRIPTS, RunDag, airflow_environment
from reddit_server import OVERRIDE, serve_reddit
from support import PROJECT, sample_settings

from pipeline.store.corpus import STAGES, Corpus
from pipeline.store.release import read_release

pytestmark = pytest.mark.system
MONTH = "2024-01"


def test_all_dags_import_without_errors_and_hold_no_heavy_imports(
    airflow_python: Path, home: Path
) -> None:
    done = subprocess.run(
        [airflow_python, SCRIPTS / "list_dags.py"],
        env=airflow_environment(home, PYTHONPATH=str(PROJECT / "dags")),
        text=True,
        stdout=subprocess.PIPE,
        check=True,
    )
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["errors"] == {}
    assert said["heavy"] == []
    months = said["dags"]["webtext_monthly"]
    order = ["ready", "links", "open_crawl", "crawl", *STAGES[1:], "verify", "publish", "report"]
    assert months["order"] == order
    assert months["setups"] == ["ready"]
    assert months["teardowns"] == ["report"]
    assert months["pools"]["crawl"] == "webtext_crawl"
    scores = said["dags"]["webtext_refresh_scores"]
    assert scores["order"] == ["ready", "rescore"]
    assert scores["pools"]["rescore"] == "webtext_reddit"
    train = said["dags"]["webtext_train"]
    assert train["order"] == ["train", "evaluate", "export", "compare", "publish"]
    assert set(train["pools"].values()) == {"webtext_train"}
    known = {"default_pool", *json.loads((PROJECT / "dags/pools.json").read_text())}
    for dag in said["dags"].values():
        assert set(dag["pools"].values()) <= known
        assert set(dag["owners"]) == {"webtext"}
        assert all(seconds > 0 for seconds in dag["timeouts"].values())
        assert dag["active_runs"] == 1


def test_a_month_is_built_and_published(
    run_dag: RunDag, sample_root: Path, tmp_path: Path, replay: str
) -> None:
    root = tmp_path / "corpus"
    settings = [*sample_settings(root, replay)[1::2], "runner.workers=1"]
    params = {"interval": MONTH, "settings": settings}
    outcome, log = run_dag("webtext_monthly", "", params, WEBTEXT_RECIPE="quickstart")
    assert outcome["state"] == "success"
    assert set(outcome["tasks"].values()) == {"success"}
    assert [f"crawl[{number}]" in outcome["tasks"] for number in range(9)] == [True] * 8 + [False]
    assert "pages: done, " in log
    ours, other = Corpus(str(root)), Corpus(str(sample_root))
    for stage in (*STAGES[:-1], "tokens/gpt2"):
        assert ours.require(stage, MONTH).fingerprint == other.require(stage, MONTH).fingerprint
    assert list(read_release(ours).intervals) == [MONTH]
    assert (root / "report.html").exists()


def test_a_wrong_setting_fails_at_once_and_is_told(
    run_dag: RunDag, alerts: tuple[str, list[dict[str, Any]]]
) -> None:
    address, got = alerts
    outcome, _ = run_dag(
        "webtext_monthly",
        "2024-02-01",
        {"settings": ["links.min_krama=5"]},
        WEBTEXT_RECIPE="quickstart",
        WEBTEXT_ALERT_URL=address,
    )
    assert outcome["state"] == "failed"
    assert outcome["tasks"].pop("ready") == "failed"
    assert set(outcome["tasks"].values()) == {"upstream_failed"}
    assert [(said["dag"], said["task"], said["try"]) for said in got if "task" in said] == [
        ("webtext_monthly", "ready", 1)
    ]
    assert "Did you mean min_karma?" in got[0]["error"]


def test_a_failed_stage_is_tried_again_and_told_and_the_report_is_still_written(
    run_dag: RunDag, alerts: tuple[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    address, got = alerts
    (tmp_path / "torn.warc.gz").write_bytes(b"no archive")
    settings = [f"corpus.root={tmp_path}/corpus", "pages.source=warc", "runner.workers=1"]
    settings.append(f'pages.warc=["{tmp_path}/torn.warc.gz"]')
    outcome, log = run_dag(
        "webtext_monthly",
        "",
        {"interval": MONTH, "settings": settings},
        WEBTEXT_RECIPE="quickstart",
        WEBTEXT_ALERT_URL=address,
    )
    assert outcome["state"] == "failed"
    states, tries = outcome["tasks"], outcome["tries"]
    assert (states["links"], states["crawl"], states["pages"]) == ("success", "skipped", "failed")
    assert (states["documents"], states["publish"]) == ("upstream_failed", "upstream_failed")
    assert states["report"] == "success"
    assert (tmp_path / "corpus" / "report.html").exists()
    assert (tries["links"], tries["pages"]) == (1, 4)
    assert [(said["task"], said["try"]) for said in got if "task" in said] == [("pages", 4)]
    assert "torn.warc.gz" in got[0]["error"]
    assert "Alert: " in log


def test_young_scores_are_asked_for_by_the_hundred(run_dag: RunDag, tmp_path: Path) -> None:
    made = 1_704_067_200  # a score caught ten seconds later says nothing
    posts = [
        {
            "id": f"p{number}",
            "subreddit": "linux",
            "score": 1,
            "created_utc": made,
            "retrieved_on": made + 10,
            "url": f"https://example.org/{number}",
        }
        for number in range(230)
    ]
    (tmp_path / "RS_2024-01.jsonl").write_text("".join(json.dumps(x) + "\n" for x in posts))
    dump = f'posts="{tmp_path}/RS_{{interval}}.jsonl", scores="{tmp_path}/{{interval}}.jsonl"'
    setting = f'links.sources=[{{kind="reddit-dump", {dump}}}]'
    now = [{**post, "name": f"t3_{post['id']}", "score": 57} for post in posts]
    with serve_reddit(now, tmp_path) as reddit:
        outcome, _ = run_dag(
            "webtext_refresh_scores",
            "2024-02-01",  # the month that has just ended is its data interval
            {"settings": [setting]},
            WEBTEXT_RECIPE="quickstart",
            XDG_CONFIG_HOME=str(tmp_path),  # where PRAW looks for praw.ini
            **dict([OVERRIDE]),
        )
    assert outcome["state"] == "success"
    asked = [query["id"] for path, query in reddit.asked if path == "/api/info"]
    assert [len(names.split(",")) for names in asked] == [100, 100, 30]
    rows = [json.loads(line) for line in (tmp_path / "2024-01.jsonl").open()]
    assert [row["score"] for row in rows] == [57] * 230


def test_a_model_is_published_and_a_worse_one_is_not(
    run_dag: RunDag, sample_root: Path, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    settings = ["model.layers=1", "model.width=32", "model.heads=2", "model.context=32"]
    settings += ["train.batch=8", "eval.sequences=8", "log.tensorboard=false"]

    def train(run: str, steps: int) -> dict[str, str]:
        outcome, _ = run_dag(
            "webtext_train",
            "",
            {
                "run": run,
                "data": f"{sample_root}/tokens/gpt2",
                "settings": [*settings, f"train.steps={steps}", "schedule.warmup=0"],
            },
            WEBTEXT_TRAIN_RECIPE="gpt2-tiny",
            WEBTEXT_RUNS=str(tmp_path / "runs"),
            WEBTEXT_MODELS=str(models),
        )
        assert outcome["state"] == "success"
        return outcome["tasks"]

    assert set(train("good", 20).values()) == {"success"}
    published = json.loads((models / "PUBLISHED.json").read_text())
    assert published["model"] == f"{models}/good-00000020"
    states = train("bad", 1)
    assert (states["export"], states["compare"], states["publish"]) == (
        "success",
        "skipped",
        "skipped",
    )
    assert json.loads((models / "PUBLISHED.json").read_text()) == published
