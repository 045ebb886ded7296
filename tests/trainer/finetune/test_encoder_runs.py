"""Encoders by the command: train, resume, judge, export, fine-tune, on shards of sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from trainer_runs import losses, webtext

from trainer.hf.folder import load_parts
from trainer.run.run import load_run

SMALL = ["model.width=32", "model.embedding=16", "model.layers=2", "model.heads=2"]
FAST = ["train.steps=24", "train.batch=8", "schedule.warmup=4", "eval.every=0"]
SETTINGS = [*SMALL, *FAST, "eval.sequences=16", "checkpoint.every=8", "log.tensorboard=false"]


def arguments(name: str, tokens: Path, out: Path, *more: str) -> list[str]:
    settings = [word for s in SETTINGS for word in ("--set", s)]
    return ["train", f"{name}-tiny", "--data", str(tokens), "--out", str(out), *settings, *more]


@pytest.fixture(scope="module", params=["albert", "electra"])
def run(
    request: pytest.FixtureRequest, encoder_tokens: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out: Path = tmp_path_factory.mktemp(request.param) / request.param
    webtext(*arguments(request.param, encoder_tokens, out))
    return out


def test_a_resumed_run_is_the_run_that_was_not_stopped(run: Path, encoder_tokens: Path) -> None:
    whole = losses(run)
    for step in ("00000016", "00000024"):
        for file in (run / "checkpoints" / f"step-{step}").glob("*"):
            file.unlink()
    webtext(*arguments(run.name, encoder_tokens, run, "--resume", "--set", "train.micro_batch=8"))
    assert losses(run) == whole
    assert len(whole) == 24


def test_the_export_is_the_run_s_model(run: Path, tmp_path: Path) -> None:
    import torch

    webtext("export", str(run), str(tmp_path / "hf"))
    loaded = load_run(str(run), torch.device("cpu"), None, print)
    mine = dict(loaded.objective.named_parameters())["model.blocks.0.up.weight"]
    theirs = dict(load_parts(tmp_path / "hf").named_parameters())["model.blocks.0.up.weight"]
    assert torch.equal(mine, theirs)
    assert (tmp_path / "hf" / "generator").exists() == (run.name == "electra")


def test_blimp_s_pairs_are_judged(run: Path, tmp_path: Path) -> None:
    items = [
        {"sentence_good": "The cats are here.", "sentence_bad": "The cats is here.", "UID": uid}
        for uid in ("a", "b")
    ]
    (tmp_path / "blimp.jsonl").write_text("\n".join(json.dumps(item) for item in items))
    said = webtext("eval", str(run), "--task", "blimp", "--file", str(tmp_path / "blimp.jsonl"))
    assert "accuracy: " in said
    assert "a: " in said


def test_a_separable_task_is_learned(run: Path, tmp_path: Path) -> None:
    """Two labels, one sentence each, with no word in common.

    Of five pairs of seeds, ALBERT and ELECTRA, the last loss of the eighth epoch is at most
    0.0036 nats; a guess costs 0.69.
    """
    rows = [f"{word} {word} {word} {word}\t{n}" for n, word in enumerate(("bad", "good"))] * 60
    (tmp_path / "task.tsv").write_text("sentence\tlabel\n" + "\n".join(rows) + "\n")
    file = str(tmp_path / "task.tsv")
    out = tmp_path / "model"
    rate = ["--lr", "0.001", "--layer-decay", "1", "--epochs", "8", "--batch", "8"]
    said = webtext("finetune", str(run), "--train", file, "--dev", file, "--out", str(out), *rate)
    assert "task matthews: 1.0000" in said and "task accuracy low: 0.9690" in said
    asked, answers = tmp_path / "asked.txt", tmp_path / "answers.jsonl"
    asked.write_text("good good good\nbad bad bad\n")
    said = webtext("predict", str(out), str(asked), "--out", str(answers))
    assert "Wrote 2 predictions" in said
    rows = [json.loads(line) for line in answers.read_text().splitlines()]
    assert [row["predicted"] for row in rows] == ["1", "0"]
