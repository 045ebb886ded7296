"""Publishing a model: the better of two runs is named, a worse one is not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from trainer_runs import train_arguments, webtext

from pipeline.store.errors import SettingError, WebtextError
from trainer.eval.publish import PUBLISHED, Comparison, compare, publish_model, read_published
from trainer.run.run import RunFolder


@pytest.mark.parametrize(
    ("loss", "before", "tolerance", "worse"),
    [
        (3.0, None, 0.0, False),
        (3.0, 3.0, 0.0, False),
        (3.01, 3.0, 0.0, True),
        (3.01, 3.0, 0.02, False),
        (float("nan"), 3.0, 1.0, True),
        (float("nan"), None, 1.0, True),
        (2.0, 3.0, 0.0, False),
    ],
)
def test_worse(loss: float, before: float | None, tolerance: float, worse: bool) -> None:
    assert Comparison(loss, before, tolerance).worse is worse


def test_only_a_run_that_is_not_worse_is_published(tokens: Path, tmp_path: Path) -> None:
    models, said = tmp_path / "models", tmp_path / "said.json"
    good, bad = tmp_path / "good", tmp_path / "bad"
    webtext(*train_arguments(tokens, good, train__steps=20))
    webtext(*train_arguments(tokens, bad, train__steps=1, schedule__warmup=0))
    assert "nothing is published yet" in str(compare(str(good), str(models), 0.0, print))
    with pytest.raises(WebtextError, match="holds no model"):
        publish_model(str(good), str(models))
    webtext("export", str(good), str(models), "--by-step")
    webtext("--result", str(said), "publish-model", str(good), str(models))
    first = json.loads((models / PUBLISHED).read_text())
    assert first == json.loads(said.read_text())
    assert (first["run"], first["model"]) == (str(good), f"{models}/good-00000020")
    assert (Path(first["model"]) / "config.json").exists()

    told = webtext("--result", str(said), "compare", str(bad), str(models), code=3)
    assert "worse than the published" in told
    found = json.loads(said.read_text())
    assert found["worse"]
    assert found["loss"] > found["published_loss"] > 0
    assert not compare(str(bad), str(models), 100.0, print).worse
    assert not compare(str(good), str(models), 0.0, print).worse

    folder = RunFolder(bad)
    folder.write(replace(folder.facts(), tokenizer="other"))
    with pytest.raises(SettingError, match="another tokenizer"):
        compare(str(bad), str(models), 0.0, print)
    (models / PUBLISHED).write_text(json.dumps(first | {"step": 7}))
    with pytest.raises(WebtextError, match=r"Step 7 of the published run .* not there any more"):
        compare(str(good), str(models), 0.0, print)
    (models / PUBLISHED).write_text("{")
    with pytest.raises(WebtextError, match="is damaged"):
        read_published(str(models))
