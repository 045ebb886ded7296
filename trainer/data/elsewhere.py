"""Text of other documents, for the second segments that are from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.tokens.megatron import ShardIndex
from trainer.data.encoder import EncoderSample, EncoderSamples, PackedShard, shard_of
from trainer.data.order import order_key, uniform
from trainer.data.pack import Numbers, documents_of, sentences_of
from trainer.data.token_row import Span

#: Pieces that are looked at for one whose second half is as long as it is wanted: of pieces of 500
#: tokens, cut behind as many sentences, one in fifty is, within `_NEAR` tokens.
_CANDIDATES, _NEAR = 512, 1
#: Documents that are drawn for another one than the sample's (google-research/bert: 10).
_TRIES = 64


@dataclass(frozen=True)
class OtherText:
    """Whole sentences of one document: int32 (n,), and where they lie."""

    tokens: NDArray[np.int32]
    span: Span


class Elsewhere:
    """Passages of other documents of the same corpus; all draws follow from a number."""

    def __init__(self, samples: EncoderSamples) -> None:
        self._samples = samples

    def second_half(
        self, sample: EncoderSample, sentences: int, wanted: int, most: int, draw: int
    ) -> OtherText | None:
        """What another piece has behind its first `sentences`: about `wanted` tokens.

        `wanted` is what the sample itself has there.  So nothing but the text tells one from
        the other: both begin with a sentence, end where a piece ends, are as long, and follow as
        many sentences.  Cuts are drawn evenly, so a piece of n sentences is cut behind those with
        chance 1 / (n - 1); the choice among pieces that fit has these weights.  None where no
        piece of another document fits.
        """
        part = sample.part
        first = order_key(draw, "shard") % self._samples.reader.blocks[part].layout.size
        shard = shard_of(self._samples.shards[part], first)
        index = shard.index
        starts, stops = self._candidates(part, shard, draw)
        numbers, ends = _sentence_at(index, starts), _sentence_at(index, stops)
        cuts = np.minimum(numbers + sentences, len(index.pointers) - 1)
        lengths = stops - (index.pointers[cuts] - index.offset) // index.dtype.itemsize
        fits = (numbers + sentences < ends) & (lengths <= most)
        documents = np.searchsorted(index.documents, numbers, side="right") - 1
        fits &= shard.documents + documents != sample.document
        if not fits.any():
            return None
        far = np.where(fits, np.abs(lengths - wanted), most + 1)
        # The first of several clocks to ring, each with its rate, is one of them by its share.
        clocks = -np.log1p(-uniform(np.arange(_CANDIDATES), order_key(draw, "choice")))
        clocks *= ends - numbers - 1
        best = int(np.argmin(np.where(far <= max(far.min(), _NEAR), clocks, np.inf)))
        stop = int(stops[best])
        return self._read(part, shard, stop - int(lengths[best]), stop)

    def from_a_sentence_on(self, sample: EncoderSample, wanted: int, draw: int) -> OtherText | None:
        """From a random sentence on, until `wanted` tokens are reached or the document ends.

        google-research/bert and albert `create_pretraining_data.py`.  None where there is no other
        document.
        """
        size = self._samples.reader.blocks[sample.part].layout.size
        for turn in range(_TRIES):
            piece = order_key(draw, turn) % size
            shard = shard_of(self._samples.shards[sample.part], piece)
            start, _ = self._bounds(sample.part, shard, np.array([piece]))
            document = int(documents_of(shard.index, start)[0])
            if shard.documents + document == sample.document:
                continue
            sentences = sentences_of(shard.index, document)
            number = order_key(draw, turn, "sentence") % (len(sentences) - 1)
            begin = int(sentences[number])
            end = np.searchsorted(sentences, begin + max(wanted, 1))
            return self._read(
                sample.part, shard, begin, int(sentences[min(int(end), len(sentences) - 1)])
            )
        return None

    def _candidates(self, part: int, shard: PackedShard, draw: int) -> tuple[Numbers, Numbers]:
        """Starts and stops of some pieces of a shard, in its tokens."""
        draws = uniform(np.arange(_CANDIDATES), order_key(draw, "pieces"))
        pieces = shard.pieces.start + (draws * len(shard.pieces)).astype(np.int64)
        return self._bounds(part, shard, np.sort(pieces))  # in order they are found faster

    def _bounds(self, part: int, shard: PackedShard, pieces: Numbers) -> tuple[Numbers, Numbers]:
        starts, stops = self._samples.reader.blocks[part].layout.bounds(pieces, pieces + 1)
        return starts - shard.begin, stops - shard.begin

    def _read(self, part: int, shard: PackedShard, start: int, stop: int) -> OtherText:
        row = self._samples.reader.blocks[part].row
        bounds = shard.begin + start, shard.begin + stop
        return OtherText(row.read(*bounds).astype(np.int32), row.spans(*bounds)[0])


def _sentence_at(index: ShardIndex, places: Numbers) -> Numbers:
    """The number of the first sentence that begins at or behind each place."""
    return np.searchsorted(index.pointers, places * index.dtype.itemsize + index.offset)
