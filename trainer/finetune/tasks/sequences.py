"""Tasks that give a text, or two, a class or a number."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.store.errors import SettingError
from pipeline.store.tables import Row
from pipeline.store.textfiles import read_lines
from trainer.finetune.encoding import Input
from trainer.finetune.examples import Example
from trainer.finetune.metrics import ACCURACY, MATTHEWS, PEARSON, SPEARMAN
from trainer.finetune.task import FineTuningTask


class Classification(FineTuningTask):
    """Classes of texts or pairs: columns --text, --pair if there are two, and --label."""

    use = "sequence"
    metrics = (ACCURACY, MATTHEWS)

    def example(self, row: Row, labelled: bool) -> Example:
        """Labels are compared as text."""
        label = str(self.columns.label_of(row)) if labelled else None
        return Example(*self.columns.texts(row), label=label)

    def labels(self, examples: Sequence[Example]) -> tuple[str, ...]:
        """Those of the examples, sorted.  Raises SettingError where there is a single one."""
        labels = sorted({example.label for example in examples})
        if len(labels) < 2:
            raise SettingError(f"All examples have the label {labels[0]!r}", "Give another --label")
        self.places = {label: number for number, label in enumerate(labels)}
        return tuple(labels)

    def loss(
        self, scores: Tensor, examples: Sequence[Example], inputs: Sequence[Sequence[Input]]
    ) -> Tensor:
        """Cross-entropy."""
        targets = torch.tensor([self.places[e.label] for e in examples], device=scores.device)
        return functional.cross_entropy(scores, targets)

    def answer(
        self, scores: Tensor, example: Example, inputs: Sequence[Input], labels: Sequence[str]
    ) -> dict[str, Any]:
        """The likeliest class, and the probability of each."""
        shares = scores[0].softmax(0).tolist()
        best = max(range(len(labels)), key=shares.__getitem__)
        return {"predicted": labels[best], "scores": dict(zip(labels, shares, strict=True))}


class Cola(Classification):
    """CoLA (Warstadt et al. 2018), its own files: a source, the label, a mark, the sentence."""

    def rows(self, path: str) -> Iterator[Row]:
        """A whole line each, for its files have no header."""
        return ({self.columns.text: line} for line in read_lines(path))

    def example(self, row: Row, labelled: bool) -> Example:
        """The sentence and its label."""
        fields = row[self.columns.text].split("\t")
        if len(fields) != 4:
            raise ValueError(f"CoLA's rows have four columns, this one {len(fields)}")
        return Example(fields[3], label=fields[1] if labelled else None)


class Regression(FineTuningTask):
    """Numbers, as of the likeness of texts (STS-B, Cer et al. 2017): columns as of classes."""

    use = "sequence"
    metrics = (PEARSON, SPEARMAN)

    def example(self, row: Row, labelled: bool) -> Example:
        """ValueError for a label that is no finite number."""
        value = float(self.columns.label_of(row)) if labelled else None
        if value is not None and not math.isfinite(value):
            raise ValueError(f"its {self.columns.label} is {value}")
        return Example(*self.columns.texts(row), label=value)

    def loss(
        self, scores: Tensor, examples: Sequence[Example], inputs: Sequence[Sequence[Input]]
    ) -> Tensor:
        """Mean squared error."""
        targets = torch.tensor([e.label for e in examples], device=scores.device)
        return functional.mse_loss(scores[:, 0], targets)

    def answer(
        self, scores: Tensor, example: Example, inputs: Sequence[Input], labels: Sequence[str]
    ) -> dict[str, Any]:
        """The number."""
        return {"predicted": float(scores[0, 0])}
