"""Samples for encoders: chunks of one document with the ends of their sentences.

What an objective makes of them (pairs, swapped order, masks) is its own; this module says
which text sample i is, as `trainer.data.stream` does for decoders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.tokens.megatron import ShardIndex
from trainer.data.numbering import Numbering
from trainer.data.order import order_key
from trainer.data.pack import Packing, chunk_starts, document_of, sentence_ends
from trainer.data.reader import Reader
from trainer.data.shard_set import Shards
from trainer.data.token_row import Chunks, Span, TokenRow, span_of
from trainer.settings.data import DataSettings

_TRIES = 64


@dataclass(frozen=True)
class EncoderSample:
    """A chunk of one document.

    `number`: its number in the run, which keys masks and the like.
    `tokens`: int32 (n,), 1 <= n <= length, without special tokens but the end token that the
    shards may have.  `ends`: int32 (k,), where each sentence ends within `tokens`; the last is n.
    `document`: unique among the documents of a part.  `part`, `place`: where it lies.
    """

    number: int
    tokens: NDArray[np.int32]
    ends: NDArray[np.int32]
    document: int
    part: int
    place: int


class EncoderSamples:
    """The chunks of one split, at most `length` tokens each (`trainer.data.pack`).

    Memory: 8 bytes a chunk.
    Raises WebtextError when the split has no text.
    """

    def __init__(
        self,
        shards: Shards,
        split: str,
        length: int,
        seed: int = 0,
        shuffled: bool = True,
        short: float = 0.0,
        shortest: int = 2,
        settings: DataSettings | None = None,
    ) -> None:
        self.length = length
        self._packing = Packing(length, short, min(shortest, length))
        self._seed = seed
        self._indexes: list[list[ShardIndex]] = []
        self._documents: list[NDArray[np.int64]] = []  # documents before each shard of a part
        order = seed if shuffled else None
        self.reader = Reader(shards, split, self._cut, length, order, settings or DataSettings())
        #: Chunks of one epoch.
        self.samples = self.reader.samples

    def _cut(self, row: TokenRow) -> Chunks:
        indexes = [shard.index() for shard in row.shards]
        self._indexes.append(indexes)
        self._documents.append(np.cumsum([0, *(len(i.documents) - 1 for i in indexes)]))
        return Chunks(_starts(row, indexes, self._packing, self._seed))

    def sample(self, index: int) -> EncoderSample:
        """Sample `index` of the run, any number from 0 on."""
        return self.take(index, 1)[0]

    def take(self, first: int, count: int) -> list[EncoderSample]:
        """Samples [first, first + count) of the run."""
        return [
            self._sample(first + n, part, place, tokens)
            for n, (part, place, tokens) in enumerate(self.reader.tokens(first, count))
        ]

    def other(self, sample: EncoderSample, draw: int) -> EncoderSample:
        """A chunk of another document of the same corpus, chosen by the number `draw`.

        It is the sample itself where `draw` and its successors find no other document.
        """
        blocks = self.reader.blocks[sample.part]
        for turn in range(_TRIES):
            place = order_key(draw, turn) % blocks.layout.size
            if self._document(sample.part, place) != sample.document:
                tokens = blocks.row.read(*span_of(blocks.layout, place, place + 1))
                return self._sample(sample.number, sample.part, place, tokens)
        return sample

    @property
    def numbering(self) -> Numbering:
        """Where each sample of the run lies."""
        return self.reader.numbering

    def spans(self, index: int) -> list[Span]:
        """Where the tokens of sample `index` lie: one span."""
        return self.reader.spans(index)

    def close(self) -> None:
        """Ends the reading threads."""
        self.reader.close()

    def _sample(
        self, number: int, part: int, place: int, tokens: NDArray[np.integer]
    ) -> EncoderSample:
        shard, start = self._where(part, place)
        ends = sentence_ends(self._indexes[part][shard], start, start + len(tokens))
        document = self._document(part, place)
        return EncoderSample(
            number, tokens.astype(np.int32), ends.astype(np.int32), document, part, place
        )

    def _document(self, part: int, place: int) -> int:
        shard, start = self._where(part, place)
        return int(self._documents[part][shard]) + document_of(self._indexes[part][shard], start)

    def _where(self, part: int, place: int) -> tuple[int, int]:
        """Shard and first token of a chunk, which never lies in two shards."""
        blocks = self.reader.blocks[part]
        start, _ = span_of(blocks.layout, place, place + 1)
        shard = int(np.searchsorted(blocks.row.ends, start, side="right"))
        return shard, start - (blocks.row.ends[shard] - blocks.row.shards[shard].tokens)


def _starts(
    row: TokenRow, indexes: Sequence[ShardIndex], packing: Packing, seed: int
) -> NDArray[np.int64]:
    """The starts of all chunks of a row, and its end."""
    begin, found = 0, []
    for number, (index, end) in enumerate(zip(indexes, row.ends, strict=True)):
        found.append(chunk_starts(index, packing, order_key(seed, "pack", number))[:-1] + begin)
        begin = end
    return np.concatenate([*found, [row.tokens]]).astype(np.int64)
