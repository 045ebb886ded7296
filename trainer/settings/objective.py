"""What the encoders' objectives are told: how text is paired, masked and replaced."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.store.settings import Settings

#: "paper" does what the papers mean, "release" what the released code does where it differs.
Mode = Literal["paper", "release"]


class PairSettings(Settings):
    """`[pairs]`: how a document's sentences become samples of one or two segments."""

    mode: Mode = "paper"
    """`paper`: pairs that no length or mark gives away; a piece of one sentence is not asked.
    `release`: as google-research/bert and albert build them: pieces run over their target and are
    cut, and a piece of one sentence gets a second segment from another document."""
    short: float = Field(0.1, ge=0, le=1)
    """Share of samples with a shorter target length (BERT and ALBERT 0.1, ELECTRA 0.05)."""
    single: float = Field(0.1, ge=0, le=1)
    """ELECTRA only: share of samples that stay one segment (`build_pretraining_dataset.py`)."""


class MaskSettings(Settings):
    """`[mask]`: which tokens are to be predicted.  Defaults are BERT's."""

    rate: float = Field(0.15, gt=0, lt=1)
    """Share of the tokens (BERT, ALBERT, ELECTRA small and base 0.15, large 0.25)."""
    most: int = Field(0, ge=0)
    """Most masked tokens of a sequence; 0: as many as `rate` makes.  ALBERT's and BERT's releases
    take 20 of 128 as of 512 tokens."""
    ngrams: int = Field(0, ge=0, le=8)
    """Longest run of words masked together, with chance 1/n (ALBERT 3: 6/11, 3/11, 2/11); 0 masks
    single tokens."""
    masked: float = Field(0.8, ge=0, le=1)
    """Share of the chosen tokens that become [MASK] (ELECTRA 0.85)."""
    random: float = Field(0.1, ge=0, le=1)
    """Share of the chosen tokens that become a random token (ELECTRA 0); the rest stays."""
    mode: Mode = "paper"
    """`paper`: n-grams stay inside a segment, and a token is chosen once.  `release`: n-grams run
    across [SEP] (ALBERT), positions are drawn with replacement (ELECTRA)."""
