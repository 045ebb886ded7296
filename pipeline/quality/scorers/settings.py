"""Settings of scorers (classifiers of others, in files) and of ensembles of them.

Each is a family of rules as a measure is: `min_score` of `[quality.scorers.edu]` bounds column
`scorers_edu_score`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from pipeline.quality.measure import Limit, Limits
from pipeline.store.scorer import Activation, ScorerOptions, model_file


class ScorerSettings(Limits):
    """A text classifier in a file, whose score of each document becomes a column."""

    path: str
    """The model: fastText (`.bin`, `.ftz`), ONNX, safetensors, or a file of `train-classifier`; or
    the folder of one, with `config.json` and `tokenizer.json`."""
    output: str | int | None = None
    """Which output is the score: its label, such as `__label__hq`, or its number from 0.  Not
    needed for a model with one output."""
    tensor: str | None = None
    """Of an ONNX model with several outputs: the name of the one with the scores."""
    activation: Activation = "auto"
    """What is done to the outputs of a neural model.  `auto`: nothing where there is one or
    `config.json` is missing, else `softmax`, or `sigmoid` for a multi-label model."""
    tokens: int = Field(512, ge=1)
    """Tokens of a text that a neural model is shown; the rest is cut off."""
    batch: int = Field(32, ge=1, le=4096)
    """Texts that a neural model is shown at a time."""
    min_score: Limit = False
    """Least score (FineWeb-Edu keeps 3 and more of 0 to 5)."""
    max_score: Limit = False
    """Greatest score."""

    def deciding(self) -> dict[str, Any]:
        """What decides the scores beside the model's files, wherever these are."""
        return {k: v for k, v in self.identity().items() if k not in {"path", *self.limits()}}

    def options(self) -> ScorerOptions:
        """The model's own file, and how it is used.  SettingError where it is not there."""
        return ScorerOptions(
            model_file(self.path),
            self.output,
            self.tensor,
            self.activation,
            self.tokens,
            self.batch,
        )


class EnsembleSettings(Limits):
    """Several scorers joined by their ranks: the share of documents that score lower.

    Nemotron-CC cuts the ranks of each scorer into 20 buckets and takes the largest; the bucket of
    the largest rank is the same one.  Source: Su et al. 2024, arXiv 2412.02595.
    """

    scorers: tuple[str, ...] = Field(min_length=1)
    """Names of scorers."""
    quantiles: str
    """The file with the scores' quantiles, which `webtext fit-quantiles` wrote."""
    combine: Literal["max", "mean", "min"] = "max"
    """What makes one rank of those of the scorers."""
    buckets: int = Field(20, ge=2, le=1000)
    """Buckets of equal ranks, numbered from 0."""
    min_rank: Limit = False
    """Least rank, 0 to 1: 0.9 keeps what ranks among the best tenth (DCLM)."""
    max_rank: Limit = False
    """Greatest rank."""
    min_bucket: Limit = False
    """Least bucket."""
    max_bucket: Limit = False
    """Greatest bucket."""

    def deciding(self) -> dict[str, Any]:
        """What decides ranks and buckets beside the content of the file, wherever that is."""
        return {k: v for k, v in self.identity().items() if k not in {"quantiles", *self.limits()}}
