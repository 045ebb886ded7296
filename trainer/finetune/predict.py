"""What a fine-tuned model says of examples, and `webtext predict`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from pipeline.store.errors import SettingError
from pipeline.store.tables import Row
from trainer.finetune.encoding import Encoding, encode_example
from trainer.finetune.examples import Example
from trainer.finetune.saved import Saved
from trainer.finetune.task import FineTuningTask
from trainer.finetune.train import head_scores
from trainer.finetune.writers import open_writer
from trainer.models.encoder import Encoder
from trainer.models.parts import Parts

_BATCH = 64  # inputs in a forward pass
_ROWS = 1000  # rows read and written at a time


@torch.no_grad()
def predict(
    parts: Parts[Encoder],
    tokenizer: Tokenizer,
    task: FineTuningTask,
    examples: Sequence[Example],
    device: torch.device,
) -> list[dict[str, Any]]:
    """What is predicted for each example, in their order."""
    assert parts.task is not None
    encoding = Encoding.of(tokenizer, parts.model.settings.context)
    inputs = [encode_example(e, encoding, task.use == "span") for e in examples]
    flat = [one for some in inputs for one in some]
    scores: list[torch.Tensor] = [torch.empty(0)] * len(flat)
    order = sorted(range(len(flat)), key=lambda n: len(flat[n].ids))  # little padding
    for start in range(0, len(order), _BATCH):
        numbers = order[start : start + _BATCH]
        batch = encoding.batch([flat[n] for n in numbers], device)
        for n, row in zip(numbers, head_scores(parts, batch).cpu(), strict=True):
            scores[n] = row[: len(flat[n].ids)] if task.use == "span" else row
    left = iter(scores)
    return [
        task.answer(_stacked(islice(left, len(some))), example, some, parts.task.labels)
        for example, some in zip(examples, inputs, strict=True)
    ]


def _stacked(scores: Iterator[torch.Tensor]) -> torch.Tensor:
    """The scores of an example's inputs as one tensor; windows of a text are filled up."""
    return torch.nn.utils.rnn.pad_sequence(list(scores), batch_first=True)


def predict_file(
    saved: Saved, file: str, out: str, keep: Sequence[str], device: torch.device
) -> int:
    """Writes a row for each row of `file`: its number, the columns of `keep`, what is predicted.

    `out` ends in .csv or .parquet, else JSON lines are written; it appears whole or not at
    all.  Returns how many rows there were.  Raises SettingError for a row that cannot be read.
    """
    target = Path(out)
    if not target.parent.is_dir():
        raise SettingError(f"--out {out} is in no folder that exists", "Create the folder")
    temporary = target.with_name(f".{target.name}.tmp-{os.getpid()}")
    count = 0
    writer = open_writer(temporary, target.suffix)
    try:
        rows = saved.task.read(file, labelled=False)
        while some := list(islice(rows, _ROWS)):
            answers = predict(
                saved.parts, saved.tokenizer, saved.task, [e for _, e in some], device
            )
            writer.write(
                [
                    {"row": number, **_kept(row, keep, file, number), **answer}
                    for number, ((row, _), answer) in enumerate(
                        zip(some, answers, strict=True), count + 1
                    )
                ]
            )
            count += len(some)
        if not count:
            raise SettingError(f"{file} has no rows", "Give another file")
        writer.close()
        temporary.replace(target)
    finally:
        writer.close()
        temporary.unlink(missing_ok=True)
    return count


def _kept(row: Row, keep: Sequence[str], file: str, number: int) -> Row:
    if missing := [name for name in keep if name not in row]:
        raise SettingError(
            f"{file}, row {number} has no {missing[0]!r}", f"Name with --keep: {', '.join(row)}"
        )
    return {name: row[name] for name in keep}
