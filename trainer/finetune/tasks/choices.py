"""Tasks that choose among what may follow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.store.errors import SettingError
from pipeline.store.tables import Row
from trainer.eval.task import Item, Task
from trainer.finetune.encoding import Input
from trainer.finetune.examples import Example, ExampleColumns
from trainer.finetune.metrics import ACCURACY
from trainer.finetune.task import FineTuningTask


class MultipleChoice(FineTuningTask):
    """One of several choices: columns --text, --choices (a list), --label (its place from 0)."""

    use = "choice"
    metrics = (ACCURACY,)

    def example(self, row: Row, labelled: bool) -> Example:
        """A second text stands before each choice, as in SWAG (Zellers et al. 2018)."""
        choices, (first, begun) = row[self.columns.choices], self.columns.texts(row)
        label = int(self.columns.label_of(row)) if labelled else None
        if not isinstance(choices, list) or len(choices) < 2:
            raise ValueError(f"its {self.columns.choices} are no list of two or more")
        if label is not None and not 0 <= label < len(choices):
            raise ValueError(f"its {self.columns.label} is {label}, of {len(choices)} choices")
        pairs = tuple((first, f"{begun} {choice}".strip()) for choice in choices)
        return Example(first, choices=pairs, label=label)

    def loss(
        self, scores: Tensor, examples: Sequence[Example], inputs: Sequence[Sequence[Input]]
    ) -> Tensor:
        """Cross-entropy over the choices of each example."""
        losses = [
            functional.cross_entropy(one[None], torch.tensor([e.label], device=scores.device))
            for one, e in zip(scores[:, 0].split(list(map(len, inputs))), examples, strict=True)
        ]
        return torch.stack(losses).mean()

    def answer(
        self, scores: Tensor, example: Example, inputs: Sequence[Input], labels: Sequence[str]
    ) -> dict[str, Any]:
        """The place of the likeliest, and the probability of each."""
        shares = scores[:, 0].softmax(0).tolist()
        return {"predicted": max(range(len(shares)), key=shares.__getitem__), "scores": shares}


class AskedChoices(MultipleChoice):
    """A task of `webtext eval` whose items have choices, learned from its own files."""

    def __init__(self, columns: ExampleColumns, asked: Task) -> None:
        super().__init__(columns)
        self.asked = asked

    def read(self, path: str, labelled: bool = True) -> Iterator[tuple[Row, Example]]:
        """Right choices may be in a file beside the items, as PIQA's are."""
        if not labelled:
            yield from super().read(path, labelled)
            return
        for number, item in enumerate(self.asked.items(Path(path)), 1):
            if not 0 <= item.answer < len(item.choices):
                raise SettingError(
                    f"{path}, row {number}: it does not say which choice is right",
                    "Test sets without answers cannot be learned from",
                )
            yield {}, replace(_chosen(item), label=item.answer)

    def example(self, row: Row, labelled: bool) -> Example:
        """ValueError for an item with a single choice."""
        return _chosen(self.asked.item(row))


def _chosen(item: Item) -> Example:
    if len(item.choices) < 2:
        raise SettingError("Its items have a single choice", "Take a task that offers several")
    pairs = tuple((item.context_of(n), choice) for n, choice in enumerate(item.choices))
    return Example(item.context, choices=pairs)
