"""Classifiers that `webtext train-classifier` made, as scorers among others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.quality.classifier import ClassifierModel
from pipeline.quality.words import tokens_of
from pipeline.store.scorer import Floats, Scorer, ScorerOptions


class TrainedClassifier(Scorer):
    """An `.npz` file of `webtext train-classifier`."""

    def __init__(self, options: ScorerOptions) -> None:
        super().__init__(options)
        self._model = ClassifierModel.read(options.path)

    @classmethod
    def reads(cls, head: bytes) -> bool:
        """By the mark of a zip archive, which holds the weights."""
        return head.startswith(b"PK\x03\x04")

    @property
    def labels(self) -> tuple[str, ...]:
        """The one output: how like the good pages a text is."""
        return ("good",)

    def outputs(self, texts: Sequence[str]) -> Floats:
        """Probabilities."""
        return np.array([[self._model.score(tokens_of(text))] for text in texts])
