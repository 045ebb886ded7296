"""What the feed, the loop and the evaluation ask of a stream of samples."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.data.numbering import Numbering
from trainer.data.token_row import Span


class Samples(Protocol):
    """Numbered samples of one split as rows of int32."""

    #: Columns of a row but one.
    length: int
    #: Samples of one epoch.
    samples: int

    @property
    def tokens_per_sample(self) -> int:
        """Tokens of the longest sample, what speed is counted in."""

    @property
    def numbering(self) -> Numbering:
        """Where each sample of the run lies."""

    def batch(self, first: int, count: int) -> NDArray[np.int32]:
        """Samples [first, first + count) of the run: int32 (count, length + 1)."""

    def spans(self, index: int) -> list[Span]:
        """Where the tokens of sample `index` lie."""

    def close(self) -> None:
        """Ends the reading threads."""
