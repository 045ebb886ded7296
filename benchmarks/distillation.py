"""A distilled student beside the same student without its teacher, on equal text.

    python benchmarks/books.py BOOKS.ndjson.zst ROOT --kind wordpiece --vocab 1000 \\
        --characters 30000000
    python benchmarks/distillation.py ROOT/tokens/electra RUNS --blimp blimp.ndjson.zst \\
        --cola TRAIN.tsv DEV.tsv

Trains a small encoder on masked tokens; then for each seed three students of half its layers, all
begun as layers of the teacher, on the same samples and masks for as many steps: `taught` with all
three losses, `taught where masked` with soft targets at the masked places only, `alone` with the
masked tokens' loss only.  Prints for each the masked loss and accuracy on validation text, BLiMP,
CoLA, weights and processor time a step; of students the mean over the seeds, and the
difference by seed with its 95 % interval (Student's t).  Runs that are there are not repeated.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from trainer.eval.evaluate import judge_run
from trainer.eval.few_shot import FewShot
from trainer.finetune.command import finetune
from trainer.finetune.examples import ExampleColumns
from trainer.finetune.train import FineTuning
from trainer.loop.train import train_in
from trainer.run.distributed import World
from trainer.run.log_lines import read_log
from trainer.run.run import load_run
from trainer.settings.recipe import read_run_recipe

SEEDS = (1, 2, 3)
#: 97.5 % quantile of Student's t with two degrees of freedom, for three seeds.
_T = 4.303
#: ModernBERT's blocks: BERT's take 2,000 steps at this size until they use the text around a token.
SHAPE = (
    "model.width=64", "model.heads=2", "model.inner=168", "model.context=32",
    "model.attention=dense", "pairs.short=0", "optim.name=adamw", "optim.bias_correction=true",
    "schedule.name=linear", "train.batch=32", "eval.sequences=2048", "eval.every=500",
    "checkpoint.every=100000", "log.tensorboard=false",
)  # fmt: skip
TEACHER = ("model.layers=4", "train.steps=1500", "schedule.warmup=100", "optim.lr=2e-3")
STUDENT = (
    "objective=distil", "model.layers=2", "train.steps=1000", "schedule.warmup=50",
    "optim.lr=1e-3",
)  # fmt: skip
SIDES = {
    "taught": (),
    "taught where masked": ('distil.soft_at="masked"',),
    "alone": ("distil.soft=0", "distil.cosine=0"),
}


@dataclass(frozen=True)
class Judged:
    """What a run is asked about: files, and how much of BLiMP."""

    blimp: str
    cola: tuple[str, str]
    limit: int


def trained(settings: Sequence[str], data: str, out: Path) -> None:
    """Trains where the run is not there yet."""
    if (out / "log.jsonl").exists():
        return
    started = time.process_time()
    read = read_run_recipe("modernbert-tiny", (*SHAPE, *settings))
    train_in(World(0, 1, torch.device("cpu")), read, data, out, "new")
    (out.parent / f"{out.name}.seconds").write_text(str(time.process_time() - started))


def figures(out: Path, judged: Judged) -> dict[str, float]:
    """Everything that is said of a run."""
    lines = read_log(out / "log.jsonl")
    last = [line for line in lines if "validation_mlm" in line][-1]
    steps = max(line["step"] for line in lines)
    seconds = float((out.parent / f"{out.name}.seconds").read_text())
    blimp = judge_run(str(out), "blimp", judged.blimp, FewShot(), judged.limit, None, print)
    task = ("cola", ExampleColumns())
    cola = finetune(
        str(out),
        task,
        (judged.cola[0], [judged.cola[1]]),
        FineTuning(lr=1e-3, epochs=1),
        None,
        print,
    )
    objective = load_run(str(out), torch.device("cpu"), None, print).objective
    weights = {p for module in objective.kept() for p in module.parameters()}
    matthews = next(v for name, v in cola.items() if name.endswith(" matthews"))
    accuracy = next(v for name, v in cola.items() if name.endswith(" accuracy"))
    return {
        "masked loss, nats": last["validation_mlm"],
        "masked accuracy": last["validation_mlm_accuracy"],
        "frequencies alone, nats": last["validation_mlm_base"],
        "BLiMP accuracy": blimp["accuracy"],
        "CoLA Matthews": matthews,
        "CoLA accuracy": accuracy,
        "weights": sum(p.numel() for p in weights),
        "ms a step": 1000 * seconds / steps,
    }


def interval(differences: Sequence[float]) -> tuple[float, float]:
    """Mean, and half of its 95 % interval."""
    spread = statistics.stdev(differences) / len(differences) ** 0.5
    return statistics.mean(differences), _T * spread


def table(teacher: dict[str, float], found: dict[str, list[dict[str, float]]]) -> str:
    """A row for each figure: the teacher's, each side's mean, and what teaching changes."""
    taught = [side for side in found if side != "alone"]
    heads = ["", "teacher", *found, *(f"{side} - alone" for side in taught)]
    rows = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, value in teacher.items():
        by_side = {side: [one[name] for one in each] for side, each in found.items()}
        cells = [value, *map(statistics.mean, by_side.values())]
        row = [name, *(f"{cell:.4f}" for cell in cells)]
        for side in taught:
            pairs = zip(by_side[side], by_side["alone"], strict=True)
            row.append("{:+.4f} ± {:.4f}".format(*interval([a - b for a, b in pairs])))
        rows.append("| " + " | ".join(row) + " |")
    return "\n".join(rows)


def main() -> None:
    """Trains, judges, and prints the table in Markdown."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("runs", type=Path)
    parser.add_argument("--blimp", required=True)
    parser.add_argument("--cola", nargs=2, required=True)
    parser.add_argument("--limit", type=int, default=400, help="pairs of BLiMP")
    parser.add_argument("--student", nargs="*", default=(), help="more settings of the students")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    judged = Judged(asked.blimp, tuple(asked.cola), asked.limit)
    asked.runs.mkdir(parents=True, exist_ok=True)
    teacher = asked.runs / "teacher"
    trained(TEACHER, asked.data, teacher)
    teacher_figures = figures(teacher, judged)
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for seed in SEEDS:
        seeds = (f"train.seed={seed}", f"data.seed={seed}", f'distil.teacher="{teacher}"')
        for side, settings in SIDES.items():
            out = asked.runs / f"{side.replace(' ', '-')}-{seed}"
            trained((*STUDENT, *settings, *seeds, *asked.student), asked.data, out)
            found[side].append(figures(out, judged))
            print(out.name, found[side][-1], flush=True)
    print(table(teacher_figures, found))


if __name__ == "__main__":
    main()
