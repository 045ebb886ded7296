"""Token shards as numbered samples: sample i is a pure function of (corpus, seed, i).

The shards of a split are one long row of tokens, in order of interval and shard.  A
sample is `length + 1` of them from a multiple of `length` on: inputs and, one further,
targets.  Each epoch takes every sample once, in an order of its own
(`trainer.data.order`).  Nothing depends on processes, workers or micro-batches, and the
only position there is to save is how many samples were consumed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.numbering import Numbering
from trainer.data.reader import SampleReader
from trainer.data.shard_set import Shards
from trainer.data.token_row import Span, Windows
from trainer.settings.data import DataSettings

__all__ = ["Span", "Stream"]


class Stream:
    """The samples of one split.

    `length` is the number of targets in a sample.  `shuffled` permutes each epoch by
    `seed`; otherwise samples come as they lie (validation).
    Raises WebtextError when the split has not the tokens for one sample.
    """

    def __init__(
        self,
        shards: Shards,
        split: str,
        length: int,
        seed: int = 0,
        shuffled: bool = True,
        settings: DataSettings | None = None,
    ) -> None:
        self.length = length
        self.reader = SampleReader(
            shards,
            split,
            lambda row: Windows(row.tokens, length),
            length,
            seed if shuffled else None,
            settings or DataSettings(),
        )
        #: Samples of one epoch.
        self.samples = self.reader.samples

    @property
    def tokens_per_sample(self) -> int:
        """Targets in a sample."""
        return self.length

    @property
    def tokens(self) -> int:
        """Tokens of one epoch, over all corpora."""
        return sum(blocks.row.tokens for blocks in self.reader.current)

    def batch(self, first: int, count: int) -> NDArray[np.int32]:
        """Samples [first, first + count) of the run: tokens (count, length + 1)."""
        rows = np.empty((count, self.length + 1), dtype=np.int32)
        for row, (_, _, tokens) in zip(rows, self.reader.tokens(first, count), strict=True):
            row[:] = tokens
        return rows

    @property
    def numbering(self) -> Numbering:
        """Where each sample of the run lies."""
        return self.reader.numbering

    def spans(self, index: int) -> list[Span]:
        """Where the tokens of sample `index` lie: one span a shard."""
        return self.reader.spans(index)

    def close(self) -> None:
        """Ends the reading threads."""
        self.reader.close()

    def histogram(self, vocab: int) -> NDArray[Any]:
        """How often each of `vocab` tokens occurs in the split."""
        counts = np.zeros(vocab, dtype=np.int64)
        for blocks in self.reader.current:
            for shard in blocks.row.shards:
                for start in range(0, shard.tokens, 1 << 20):
                    piece = shard.read(start, min(start + (1 << 20), shard.tokens))
                    counts += np.bincount(piece, minlength=vocab)
        return counts
