"""lm-evaluation-harness on the exported model says what `webtext eval` says of the run."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from trainer_runs import SMALL

from trainer.eval.evaluate import judge_run
from trainer.eval.few_shot import FewShot
from trainer.eval.task import Item, read_items
from trainer.eval.zero_shot import encode, log_likelihoods
from trainer.hf.export import export_run
from trainer.loop.train import train
from trainer.run.distributed import World
from trainer.run.run import decoder, load_run

pytestmark = pytest.mark.system

#: Tokens, and of the choices that are asked the characters, so that each choice fits: lm-eval
#: cuts a prompt from its front as we do, and stops at a choice that is too long.
CONTEXT = 256
SETTINGS = SMALL | {
    "model.context": CONTEXT, "train.batch": 4, "train.steps": 60, "schedule.warmup": 6,
}  # fmt: skip
QUESTIONS = 200
#: BLiMP has 1,000 pairs of each phenomenon in turn: three of each.
EVERY = 333
#: The templates of lm-eval's own tasks of these names, on files instead of downloads.
TASKS = {
    "piqa": r"""
doc_to_text: "Question: {{goal}}\nAnswer:"
doc_to_target: label
doc_to_choice: "{{[sol1, sol2]}}"
""",
    "blimp": """
doc_to_text: ""
target_delimiter: ""
doc_to_target: 0
doc_to_choice: "{{[sentence_good, sentence_bad]}}"
""",
}
COMMON = """
task: {name}_file
dataset_path: json
dataset_kwargs: {{data_files: {{validation: {file}}}}}
output_type: multiple_choice
validation_split: validation
metric_list: [{{metric: acc}}, {{metric: acc_bytes}}]
"""


@pytest.fixture(scope="module")
def run(tokens: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("harness") / "run"
    settings = [f"{name}={value}" for name, value in SETTINGS.items()]
    train("gpt2-tiny", str(tokens), settings, str(out), "new")
    return out


def write_piqa(shared: Path, folder: Path) -> tuple[Path, list[dict[str, Any]]]:
    """Some of PIQA's questions in its own form; and the same rows with their labels."""
    source = shared / "evaluation" / "piqa-valid.jsonl"
    labels = source.with_name("piqa-valid-labels.lst").read_text().split()
    lines = source.read_text(encoding="utf-8").splitlines()
    rows = [
        json.loads(line) | {"label": int(label)} for line, label in zip(lines, labels, strict=True)
    ]
    short = [row for row in rows if max(map(len, (row["sol1"], row["sol2"]))) < CONTEXT]
    chosen = short[:QUESTIONS]
    file = folder / "piqa.jsonl"
    file.write_text("\n".join(map(json.dumps, chosen)), encoding="utf-8")
    answers = [str(row["label"]) for row in chosen]
    file.with_name("piqa-labels.lst").write_text("\n".join(answers))
    return file, chosen


def write_blimp(shared: Path, folder: Path) -> tuple[Path, list[dict[str, Any]]]:
    """Some pairs of each phenomenon."""
    items = read_items("blimp", str(shared / "evaluation" / "blimp.ndjson.zst"))[::EVERY]
    rows = [
        {"sentence_good": i.choices[0], "sentence_bad": i.choices[1], "UID": i.group} for i in items
    ]
    file = folder / "blimp.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return file, rows


def harness(
    python: Path, model: Path, folder: Path, rows: dict[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    """What `lm_eval run` writes about each task: its figures and its samples."""
    for name, said in rows.items():
        file = folder / f"{name}-rows.jsonl"
        file.write_text("\n".join(map(json.dumps, said)), encoding="utf-8")
        text = COMMON.format(name=name, file=file) + TASKS[name]
        (folder / f"{name}_file.yaml").write_text(text)
    done = subprocess.run(
        [python, "-m", "lm_eval", "run", "--model", "hf", "--device", "cpu",
         "--model_args", f"pretrained={model},dtype=float32", "--batch_size", "32",
         "--tasks", ",".join(f"{name}_file" for name in rows), "--include_path", folder,
         "--output_path", folder / "said", "--log_samples"],
        check=False, capture_output=True, text=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "OMP_NUM_THREADS": "1",
                          "HF_HOME": str(folder / "cache")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = json.loads(next((folder / "said").rglob("results_*.json")).read_text())["results"]
    found = {}
    for name in rows:
        samples = next((folder / "said").rglob(f"samples_{name}_file_*.jsonl"))
        lines = map(json.loads, samples.read_text(encoding="utf-8").splitlines())
        ordered = sorted(lines, key=lambda line: line["doc_id"])
        found[name] = {
            "acc": results[f"{name}_file"]["acc,none"],
            "acc_bytes": results[f"{name}_file"]["acc_bytes,none"],
            "likelihoods": [float(r[0]) for line in ordered for r in line["filtered_resps"]],
        }
    return found


def likelihoods(run: Path, items: Sequence[Item]) -> list[float]:
    loaded = load_run(str(run), torch.device("cpu"), None, print)
    model, begin = decoder(loaded), loaded.facts.end_token
    assert begin is not None
    room = model.settings.context + 1
    texts = [
        encode(loaded.tokenizer, item.context, choice, begin, room)
        for item in items
        for choice in item.choices
    ]
    found: list[float] = log_likelihoods(model, texts, World(0, 1, torch.device("cpu")))[0].tolist()
    return found


def test_likelihoods_and_accuracies_are_the_harness_s(
    run: Path, shared_data: Path, peers_python: Path, tmp_path: Path
) -> None:
    model = tmp_path / "exported"
    export_run(str(run), str(model), None, print)
    written = {
        "piqa": write_piqa(shared_data, tmp_path),
        "blimp": write_blimp(shared_data, tmp_path),
    }
    theirs = harness(peers_python, model, tmp_path, {n: rows for n, (_, rows) in written.items()})
    for name, (file, rows) in written.items():
        assert len(rows) >= QUESTIONS
        want = theirs[name]
        mine = likelihoods(run, read_items(name, str(file)))
        assert mine == pytest.approx(want["likelihoods"], rel=1e-5, abs=1e-4)
        for normalise, figure in (("none", "acc"), ("bytes", "acc_bytes")):
            few = FewShot(normalise=normalise)
            said = judge_run(str(run), name, str(file), few, 0, None, print)
            assert said["accuracy"] == want[figure]
