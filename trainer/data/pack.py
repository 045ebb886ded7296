"""Packing for encoders: documents cut into chunks of whole sentences.

BERT, ALBERT and ELECTRA take sentences of one document until a target length is reached
(`create_pretraining_data.py`, `build_pretraining_dataset.py` of their releases); the target is
mostly the longest there is, and now and then shorter, so that short inputs are learned too.
The releases let a chunk run over its target and cut the excess away.  Here it ends before, so
no sentence is lost and none is there twice; one that is longer than the target on its own
is cut at the target.  A chunk never holds two documents.

Where the k-th chunk of a document ends depends on the chunks before it in that document only,
so all documents are packed side by side: one vectorised step for each chunk of the longest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.tokens.megatron import ShardIndex
from trainer.data.order import order_key, uniform

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Packing:
    """`length`: most tokens of a chunk.

    A chunk aims at a length drawn uniformly from [shortest, length] with chance `short`
    (`short_seq_prob` is 0.1 with a shortest of 2 in BERT and ALBERT; ELECTRA has 0.05 and 5).
    """

    length: int
    short: float = 0.0
    shortest: int = 2

    def targets(self, documents: Numbers, chunk: int, key: int) -> Numbers:
        """The length that chunk number `chunk` of each of `documents` aims at."""
        if not self.short:
            return np.full(len(documents), self.length)
        draws = uniform(documents, order_key(key, chunk))
        # One draw says whether, and what is left of it how long.
        spread = (draws / self.short * (self.length - self.shortest + 1)).astype(np.int64)
        return np.where(draws < self.short, self.shortest + spread, self.length)


def chunk_starts(index: ShardIndex, packing: Packing, key: int) -> Numbers:
    """Where the chunks of a shard begin, in tokens, and the end of the last: int64 (C + 1,).

    The chunks tile the shard.  `key` decides which of them are short.
    """
    sentences = index.starts()
    bounds = sentences[index.documents]
    documents = np.flatnonzero(np.diff(bounds))  # those with any token
    starts, ends = bounds[documents], bounds[documents + 1]
    found = [starts]
    chunk = 0
    while len(documents):
        limits = starts + packing.targets(documents, chunk, key)
        # The last sentence that ends within the limit; without one, the limit itself.
        fits = sentences[np.searchsorted(sentences, limits, side="right") - 1]
        starts = np.minimum(np.where(fits > starts, fits, limits), ends)
        going_on = starts < ends
        documents, starts, ends = documents[going_on], starts[going_on], ends[going_on]
        found.append(starts)
        chunk += 1
    return np.append(np.sort(np.concatenate(found)), index.tokens)


def sentence_ends(index: ShardIndex, start: int, stop: int) -> Numbers:
    """Where the sentences within tokens [start, stop) of a shard end, counted from `start`."""
    size, offset = index.dtype.itemsize, index.offset
    first, last = np.searchsorted(index.pointers, [start * size + 1 + offset, stop * size + offset])
    inner = (index.pointers[first:last] - offset) // size
    return np.append(np.unique(inner), stop) - start


def document_of(index: ShardIndex, start: int) -> int:
    """The number of the document that token `start` of a shard belongs to."""
    pointer = start * index.dtype.itemsize + index.offset
    sentence = np.searchsorted(index.pointers, pointer, side="right") - 1
    return int(np.searchsorted(index.documents, sentence, side="right")) - 1
