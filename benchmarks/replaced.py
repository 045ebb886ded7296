"""The discriminators of a run, one after the other, on replacements that never become harder.

    python benchmarks/replaced.py RUN OUT --generators 0 400 3000

While ELECTRA is trained, its generator gets better, and with it the discriminator's task harder:
the figures of its evaluations are not of one and the same question.  Here the generator of one
step, or of several in turn (0: the initial weights), replaces tokens of the validation text, the
same ones each time, and the discriminator of every checkpoint is asked which.  Special tokens,
which are never replaced, do not count: by chance the area under the curve is 0.5.  Writes
OUT/log.jsonl, whose figures `benchmarks/curves.py` draws, and prints them as a table.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from trainer.data.shard_set import find_shards
from trainer.objectives import build_objective, open_stream
from trainer.objectives.base import Batch
from trainer.objectives.electra import Electra
from trainer.objectives.encoding import area_under_curve, score_histograms
from trainer.run.run import RunFolder, load_run

_ROWS = 64  # samples in a forward pass
_CPU = torch.device("cpu")


def model_at(run: Path, step: int) -> Electra:
    """The run's model after `step`; at 0 with its initial weights."""
    if step:
        made = load_run(str(run), _CPU, step, print).objective
    else:
        folder = RunFolder(run)
        recipe = folder.recipe()
        made = build_objective(recipe, folder.facts().end_token, folder.tokenizer())
        made.init_weights(recipe.train.seed)
    assert isinstance(made, Electra), f"{run} is no ELECTRA"
    return made.eval()


def validation_batches(run: Path, model: Electra, sequences: int) -> list[Batch]:
    """The first samples of the validation text, masked."""
    folder = RunFolder(run)
    stream = open_stream(folder.recipe(), find_shards(folder.facts().data), "validation")
    total = min(sequences, stream.samples)
    firsts = range(0, total, _ROWS)
    rows = [torch.from_numpy(stream.batch(n, min(_ROWS, total - n))) for n in firsts]
    return [model.prepare(some, (some.numpy() >= 0).sum(1)) for some in rows]


@torch.no_grad()
def replacements(model: Electra, batches: Sequence[Batch]) -> list[Tensor]:
    """The ids of each batch (samples, positions) with tokens of `model`'s generator."""
    return [model.sample(model._generated(batch), batch) for batch in batches]


@torch.no_grad()
def area(model: Electra, batches: Sequence[Batch], filled: Sequence[Tensor]) -> float:
    """Area under the ROC curve of the discriminator of `model` over all text."""
    total = torch.zeros(())
    for batch, ids in zip(batches, filled, strict=True):
        logits, fake = model._judged(batch, ids)
        total = total + score_histograms(logits, fake, model.text(batch))
    return area_under_curve(total)


def saved_steps(run: Path) -> list[int]:
    """The steps of the checkpoints."""
    return sorted(int(path.name.removeprefix("step-")) for path in run.glob("checkpoints/step-*"))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--generators", type=int, nargs="+", default=[0])
    parser.add_argument("--sequences", type=int, default=2048)
    given = parser.parse_args()
    batches = validation_batches(given.run, model_at(given.run, 0), given.sequences)
    asked = {n: replacements(model_at(given.run, n), batches) for n in given.generators}
    given.out.mkdir(parents=True)
    with (given.out / "log.jsonl").open("w", encoding="utf-8") as log:
        print("| discriminator of step |" + "".join(f" generator of {n} |" for n in asked))
        print("|---|" + "---|" * len(asked))
        for step in [0, *saved_steps(given.run)]:
            judge = model_at(given.run, step)
            areas = {f"auc_{n}": area(judge, batches, filled) for n, filled in asked.items()}
            log.write(json.dumps({"step": step, **areas}) + "\n")
            print(f"| {step} |" + "".join(f" {value:.4f} |" for value in areas.values()))


if __name__ == "__main__":
    main()
