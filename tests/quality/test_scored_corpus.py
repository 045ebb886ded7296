"""Scorers and ensembles in a corpus: columns, rules, what is scored again and what is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from quality_corpus import Build, build, page, prose, recipe, run, table, write_documents
from scorer_models import GOOD, bert_folder, fasttext_model, onnx_tokens, spam
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.engine.runners.open import open_runner
from pipeline.engine.runners.profiles import RunnerSettings
from pipeline.engine.stage import Job
from pipeline.quality.scorers import score_part
from pipeline.quality.scorers.quantiles import STEPS, Quantiles, fit_quantiles, read_quantiles
from pipeline.quality.settings import QualitySettings
from pipeline.quality.stage import QualityStage
from pipeline.store import scorer
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.stage_edit import StageEdit
from pipeline.views.what_if import changed_quality, what_if

COUNT = 60

Quality = dict[str, Any]


def scored(job: Job, quality: Quality) -> Job:
    """The job with this `[quality]`, where only scorers and ensembles have rules."""
    every = QualitySettings().families().items()
    off = {family: dict.fromkeys(limits.limits(), False) for family, limits in every}
    return recipe(job.corpus.root, off | quality).job()


@pytest.fixture
def mixed(documents: Build) -> Job:
    """As many pages of prose as of spam."""
    pages = [page(f"https://a.org/{i}", prose(i)) for i in range(COUNT)]
    return documents([*pages, *(page(f"https://b.org/{i}", spam(i)) for i in range(COUNT))])


@pytest.fixture
def both(tmp_path: Path) -> Quality:
    """Two scorers: one of fastText, one of transformers."""
    bert = bert_folder(tmp_path / "bert")
    return {
        "hq": {"path": fasttext_model(tmp_path), "output": GOOD},
        "edu": {"path": str(bert), "tokens": 64},
    }


def texts_scored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The scorers that are opened from now on, by kind."""
    opened: list[str] = []
    before: Callable[..., Any] = score_part.open_scorer

    def noted(settings: Any, key: str) -> Any:
        opened.append(Path(settings.path).name)
        return before(settings, key)

    monkeypatch.setattr(score_part, "open_scorer", noted)
    return opened


def test_a_scorer_is_a_column_and_decides(mixed: Job, tmp_path: Path) -> None:
    path = fasttext_model(tmp_path)
    job = scored(mixed, {"scorers": {"hq": {"path": path, "output": GOOD, "min_score": 0.5}}})
    decisions = build(job)
    reasons = {row["reason"] for row in decisions.values() if not row["kept"]}
    assert reasons == {"scorers_hq_min_score"}
    assert sum(row["kept"] for row in decisions.values()) == COUNT
    scores = {row["scorers_hq_score"] for row in table(job, "quality").values()}
    assert all(0 <= score <= 1.0001 for score in scores)
    manifest = job.corpus.require("quality", job.interval)
    assert "scorer hq" in manifest.inputs

    current, changed = changed_quality(
        job.corpus, job.interval, ["quality.scorers.hq.min_score=false"]
    )
    change = what_if(job.corpus, job.interval, current, changed)
    assert (change.kept_before, change.kept_after) == (COUNT, 2 * COUNT)
    assert change.come_in[0].reason == "scorers_hq_min_score"


def test_another_model_scores_again_and_moved_ones_do_not(
    mixed: Job, both: Quality, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(QualityStage(), scored(mixed, {"scorers": both}))
    first = mixed.corpus.require("quality", mixed.interval)
    opened = texts_scored(monkeypatch)

    moved = tmp_path / "elsewhere.bin"
    Path(both["hq"]["path"]).rename(moved)
    both["hq"] |= {"path": str(moved), "min_score": 0.5}
    run(QualityStage(), scored(mixed, {"scorers": both}))
    assert opened == []
    second = mixed.corpus.require("quality", mixed.interval)
    parts = [{e.name: e.sha256 for e in m.tables("part-")} for m in (first, second)]
    assert parts[0] == parts[1]

    fasttext_model(tmp_path, epoch=6)
    (tmp_path / "model.bin").replace(moved)
    run(QualityStage(), scored(mixed, {"scorers": both}))
    assert set(opened) == {"elsewhere.bin"}  # the other's scores are there
    third = mixed.corpus.require("quality", mixed.interval)
    assert third.inputs["scorer hq"] != second.inputs["scorer hq"]
    assert third.inputs["scorer edu"] == second.inputs["scorer edu"]


def test_an_ensemble_ranks_by_its_table(
    mixed: Job, both: Quality, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(QualityStage(), scored(mixed, {"scorers": both}))
    file = str(tmp_path / "quantiles.json")
    command = ["fit-quantiles", mixed.corpus.root, file, "--keep", "0.5"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert f"hq: {2 * COUNT} documents" in done.output
    opened = texts_scored(monkeypatch)

    ensemble = {"scorers": ["hq", "edu"], "quantiles": file, "min_bucket": 16}
    job = scored(mixed, {"scorers": both, "ensembles": {"best": ensemble}})
    decisions = build(job)
    assert opened == []
    fitted = read_quantiles(file)
    for page_id, row in table(job, "quality").items():
        ranks = [fitted[name].rank(row[f"scorers_{name}_score"]) for name in ("hq", "edu")]
        assert row["ensembles_best_rank"] == max(ranks)
        bucket = min(int(max(ranks) * 20), 19)
        assert row["ensembles_best_bucket"] == bucket == max(min(int(r * 20), 19) for r in ranks)
        assert decisions[page_id]["kept"] == (bucket >= 16)
    assert 0 < sum(row["kept"] for row in decisions.values()) < 2 * COUNT


def test_a_table_of_another_model_is_refused(mixed: Job, both: Quality, tmp_path: Path) -> None:
    hq = {"hq": both["hq"]}
    run(QualityStage(), scored(mixed, {"scorers": hq}))
    file = str(tmp_path / "quantiles.json")
    fit_quantiles(mixed.corpus, [mixed.interval], file)
    ensemble = {"scorers": ["hq"], "quantiles": file}
    fasttext_model(tmp_path, epoch=1)
    job = scored(mixed, {"scorers": hq, "ensembles": {"best": ensemble}})
    with pytest.raises(SettingError, match="was fitted to another model of scorer hq"):
        QualityStage().transform(job)
    both_of = ensemble | {"scorers": ["hq", "edu"]}
    job = scored(mixed, {"scorers": both, "ensembles": {"best": both_of}})
    with pytest.raises(SettingError, match="fitted to another model of scorer hq"):
        QualityStage().transform(job)


def test_ranks_are_shares_of_the_fitted_documents() -> None:
    values = sorted([0.0] * 500 + [i / 1000 for i in range(1, STEPS - 498)])
    quantiles = Quantiles("", 1001, np.array(values))
    assert len(values) == STEPS + 1
    assert quantiles.rank(-1.0) == 0.0
    assert quantiles.rank(0.0) == pytest.approx(0.25, abs=1e-3)  # ties count half
    assert quantiles.rank(2.0) == 1.0
    ranks = [quantiles.rank(i / 997) for i in range(500)]
    assert ranks == sorted(ranks)


def test_few_documents_make_no_table(documents: Build, tmp_path: Path) -> None:
    job = documents([page(f"https://a.org/{i}", prose(i)) for i in range(5)])
    file = str(tmp_path / "quantiles.json")
    run(QualityStage(), job)
    with pytest.raises(WebtextError, match="No document was scored"):
        fit_quantiles(job.corpus, [job.interval], file)
    hq = {"path": fasttext_model(tmp_path), "output": GOOD}
    run(QualityStage(), scored(job, {"scorers": {"hq": hq}}))
    with pytest.raises(WebtextError, match="5 documents are too few"):
        fit_quantiles(job.corpus, [job.interval], file)
    assert not Path(file).exists()


@pytest.mark.parametrize("content", [b"[]", b'{"hq": 1}', b'{"hq": {"model": "", "documents": 1}}'])
def test_a_damaged_table_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "quantiles.json"
    path.write_bytes(content)
    with pytest.raises(SettingError, match=r"quantiles\.json is no table of quantiles"):
        read_quantiles(str(path))
    values = list(range(STEPS + 1))
    values[5] = 99
    one = {"model": "", "documents": 1, "quantiles": values}
    path.write_bytes(orjson.dumps({"hq": one}))
    with pytest.raises(SettingError, match="not in order"):
        read_quantiles(str(path))


@pytest.mark.parametrize(
    ("quality", "message"),
    [
        ({"scorers": {"hq": {}}}, r"quality\.scorers\.hq\.path is missing"),
        ({"scorers": {"hq": {"path": "x", "min_scor": 1}}}, "unknown key.*hq.min_scor.*min_score"),
        ({"scorers": {"Edu-1": {"path": "x"}}}, r"scorers\.Edu-1: a name is small letters"),
        ({"scorers": {"hq": {"path": "x", "min_score": True}}}, "min_score = true is no threshold"),
        (
            {
                "scorers": {"edu": {"path": "x"}},
                "ensembles": {"a": {"scorers": ["edus"], "quantiles": "q"}},
            },
            "ensembles.a: no scorer is named 'edus'. Did you mean edu",
        ),
        ({"rules": {"order": ["scorers_hq_min_score"]}}, "names no rule"),
    ],
)  # fmt: skip
def test_wrong_settings_are_named(tmp_path: Path, quality: Quality, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        recipe(str(tmp_path), quality)


def test_a_missing_model_is_known_before_the_build(mixed: Job, tmp_path: Path) -> None:
    job = scored(mixed, {"scorers": {"hq": {"path": str(tmp_path / "gone.bin")}}})
    with pytest.raises(SettingError, match=r"The scorer .*gone\.bin does not exist"):
        QualityStage().check(job)


@pytest.mark.system  # starts a cluster of local processes
def test_scores_do_not_depend_on_workers(tmp_path: Path, both: Quality) -> None:
    both["onnx"] = {"path": str(onnx_tokens(tmp_path / "onnx")), "output": 1, "tokens": 64}
    pages = [page(f"https://a.org/{i}", f"{prose(i)} {'river ' * (i % 50)}") for i in range(140)]
    hashes = []
    for workers in (1, 2):
        job = write_documents(str(tmp_path / str(workers)), pages)
        settings = RunnerSettings(name="local" if workers == 1 else "dask", workers=workers)
        job = replace(scored(job, {"scorers": both}), workers=workers)
        with open_runner(settings, [], job.corpus.root) as runner:
            runner.run(QualityStage().transform(job), "quality")
        manifest = job.corpus.require("quality", job.interval)
        hashes.append({entry.name: entry.sha256 for entry in manifest.files})
    assert hashes[0] == hashes[1]
    assert {name.split("-")[0] for name in hashes[0]} >= {"part", "_scores_onnx", "_scores_edu"}


def test_forgotten_pages_leave_the_scores(mixed: Job, both: Quality) -> None:
    job = scored(mixed, {"scorers": both})
    run(QualityStage(), job)
    gone = sorted(table(job, "quality"))[:3]
    manifest = job.corpus.require("quality", job.interval)
    edit = StageEdit(QualityStage().folder(job), manifest, frozenset(gone), manifest.inputs)
    assert edit.finish(QualityStage().remove_pages(edit))
    for prefix in ("part-", "scores_hq-", "scores_edu-"):
        left = table(job, "quality", prefix)
        assert len(left) == 2 * COUNT - 3
        assert not left.keys() & set(gone)


@pytest.mark.parametrize("missing", ["onnxruntime", "torch"])
def test_a_missing_extra_is_one_line_before_the_build(
    mixed: Job, tmp_path: Path, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = onnx_tokens if missing == "onnxruntime" else bert_folder
    model = {"path": str(make(tmp_path / "model")), "output": 0}
    monkeypatch.setattr(scorer, "find_spec", lambda name: None if name == missing else True)
    with pytest.raises(SettingError, match=rf"needs {missing}, not installed.*webtext\[scorers"):
        QualityStage().check(scored(mixed, {"scorers": {"x": model}}))
