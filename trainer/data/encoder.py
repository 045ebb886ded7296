"""Samples for encoders: pieces of one document with the ends of their sentences.

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
from trainer.data.pack import Packing, chunk_starts, documents_of, sentence_ends
from trainer.data.reader import SampleReader
from trainer.data.shard_set import Shards
from trainer.data.token_row import Chunks, Span, TokenRow
from trainer.settings.data import DataSettings


@dataclass(frozen=True)
class EncoderSample:
    """A piece of one document.

    `number`: its number in the run, which keys masks and the like.
    `tokens`: int32 (n,), n >= 1, without special tokens but the end token that the
    shards may have.  `ends`: int32 (k,), where each sentence ends within `tokens`; the last is n.
    `target`: the length it was packed for, and `half` the share of its first half.
    `document`: unique among the documents of a part.  `part`, `piece`: where it lies.
    """

    number: int
    tokens: NDArray[np.int32]
    ends: NDArray[np.int32]
    target: int
    half: int
    document: int
    part: int
    piece: int


@dataclass(frozen=True)
class ReadSample:
    """A sample whose tokens have been read."""

    number: int
    part: int
    piece: int
    tokens: NDArray[np.int32]


@dataclass(frozen=True)
class PackedShard:
    """Where sentences, documents and pieces of one shard of a row lie.

    `begin`: its first token in the row.  `documents`: those of the part before it.
    `pieces`: numbers of its pieces among those of the row.  `key` decides how it was packed.
    """

    index: ShardIndex
    begin: int
    documents: int
    pieces: range
    key: int


class EncoderSamples:
    """The pieces of one split (`trainer.data.pack`).  Memory: 8 bytes a piece.

    Raises WebtextError when the split has no text.
    """

    def __init__(
        self,
        shards: Shards,
        split: str,
        packing: Packing,
        seed: int = 0,
        shuffled: bool = True,
        settings: DataSettings | None = None,
    ) -> None:
        self.packing = packing
        self._seed = seed
        #: The shards of each part.
        self.shards: list[list[PackedShard]] = []
        order = seed if shuffled else None
        length = packing.length
        self.reader = SampleReader(
            shards, split, self._cut, length, order, settings or DataSettings()
        )
        #: Pieces of one epoch.
        self.samples = self.reader.samples

    def _cut(self, row: TokenRow) -> Chunks:
        starts, shards = [], []
        begin = documents = pieces = 0
        for number, shard in enumerate(row.shards):
            index, key = shard.index(), order_key(self._seed, "pack", number)
            found = chunk_starts(index, self.packing, key)[:-1]
            numbers = range(pieces, pieces + len(found))
            shards.append(PackedShard(index, begin, documents, numbers, key))
            starts.append(found + begin)
            begin, documents = row.ends[number], documents + len(index.documents) - 1
            pieces = numbers.stop
        self.shards.append(shards)
        return Chunks(np.concatenate([*starts, [row.tokens]]).astype(np.int64))

    def sample(self, index: int) -> EncoderSample:
        """Sample `index` of the run, any number from 0 on."""
        return self.take(index, 1)[0]

    def take(self, first: int, count: int) -> list[EncoderSample]:
        """Samples [first, first + count) of the run."""
        pieces = [
            ReadSample(first + n, part, place, tokens.astype(np.int32))
            for n, (part, place, tokens) in enumerate(self.reader.tokens(first, count))
        ]
        samples: dict[int, EncoderSample] = {}
        for part in {one.part for one in pieces}:
            mine = [one for one in pieces if one.part == part]
            for shard in self.shards[part]:
                here = [one for one in mine if one.piece in shard.pieces]
                samples |= self._samples(shard, here) if here else {}
        return [samples[one.number] for one in pieces]

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

    def _samples(self, shard: PackedShard, pieces: list[ReadSample]) -> dict[int, EncoderSample]:
        """The samples of one shard by their numbers; all at once, since it is quick so."""
        layout = self.reader.blocks[pieces[0].part].layout
        places = np.array([one.piece for one in pieces])
        starts, stops = (bound - shard.begin for bound in layout.bounds(places, places + 1))
        ends = sentence_ends(shard.index, starts, stops)
        documents = shard.documents + documents_of(shard.index, starts)
        targets = self.packing.targets(starts, shard.key)
        halves = self.packing.first_half(starts, targets, shard.key)
        facts = zip(
            pieces, ends, targets.tolist(), halves.tolist(), documents.tolist(), strict=True
        )
        return {
            one.number: EncoderSample(
                one.number, one.tokens, ends, target, half, document, one.part, one.piece
            )
            for one, ends, target, half, document in facts
        }


def shard_of(shards: Sequence[PackedShard], piece: int) -> PackedShard:
    """The shard that a piece of a row lies in."""
    return next(shard for shard in shards if piece in shard.pieces)
