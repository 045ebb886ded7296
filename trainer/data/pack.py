"""Packing for encoders: documents cut into pieces of whole sentences.

BERT, ALBERT and ELECTRA take sentences of one document until a target length is reached
(`create_pretraining_data.py`, `build_pretraining_dataset.py` of their releases); the target is
mostly the longest there is, and now and then shorter, so that short inputs are learned too.
What ends a piece is one of:

- "fit": the last sentence that ends within the target, so no text is lost.
- "overrun": the first one that reaches the target, as in the releases, which then cut what is
  too long.
- "halves": the same for two halves, whose targets add up to the whole one.  Sentences that have to
  fit make the last of a piece short and the first long, by which halves could be told
  apart.  Two that end where each reaches a target of its own are alike.

At least one sentence is taken.  One that is longer than a whole piece is cut, and its
parts stay alone: a piece holds whole sentences, or a part of one.  No piece holds two documents,
and pieces tile them.

Where a piece of a document ends depends on the pieces before it in that document only,
so all documents are packed side by side: one vectorised step for each piece of the longest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.tokens.megatron import ShardIndex
from trainer.data.order import order_key, uniform

Numbers = NDArray[np.int64]
Ending = Literal["fit", "overrun", "halves"]


@dataclass(frozen=True)
class Packing:
    """`length`: most tokens of a piece that fits, and of a sentence that is not cut.

    A piece aims at a length drawn uniformly from [shortest, length] with chance `short`
    (`short_seq_prob` is 0.1 with a shortest of 2 in BERT and ALBERT; ELECTRA has 0.05 and 5).
    """

    length: int
    short: float = 0.0
    shortest: int = 2
    ending: Ending = "fit"

    def targets(self, starts: Numbers, key: int) -> Numbers:
        """The length that a piece aims at which begins at each of these tokens of a shard."""
        if not self.short:
            return np.full(len(starts), self.length)
        draws = uniform(starts, order_key(key, "target"))
        # One draw says whether, and what is left of it how long.
        spread = (draws / self.short * (self.length - self.shortest + 1)).astype(np.int64)
        return np.where(draws < self.short, self.shortest + spread, self.length)

    def first_half(self, starts: Numbers, targets: Numbers, key: int) -> Numbers:
        """The share of each target that is the first half's, drawn uniformly."""
        draws = uniform(starts, order_key(key, "half"))
        return 1 + (draws * (targets - 1)).astype(np.int64)


def chunk_starts(index: ShardIndex, packing: Packing, key: int) -> Numbers:
    """Where the pieces of a shard begin, in tokens, and the end of the last: int64 (C + 1,).

    `key` decides which of them are short, and how long the first halves are.
    """
    sentences, bounds = _cut_long(index, packing.length)
    starts, stops = bounds[:-1], bounds[1:]
    all_starts = [starts]
    while len(starts):
        starts = np.minimum(_ends(sentences, starts, stops, packing, key), stops)
        going_on = starts < stops
        starts, stops = starts[going_on], stops[going_on]
        all_starts.append(starts)
    return np.append(np.sort(np.concatenate(all_starts)), index.tokens)


def _cut_long(index: ShardIndex, longest: int) -> tuple[Numbers, Numbers]:
    """Bounds of sentences and of documents.

    Where a sentence is longer than `longest`, each part of it counts as a document.
    """
    sentences = index.starts()
    lengths = np.diff(sentences)
    long = np.flatnonzero(lengths > longest)
    parts = -(-lengths[long] // longest)
    number = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
    cuts = np.repeat(sentences[long], parts) + number * longest
    bounds = _merged(sentences[index.documents], cuts, sentences[long + 1])
    return _merged(sentences, cuts), bounds


def _merged(*places: Numbers) -> Numbers:
    """All places, each once, in order; a stable sort is quick where most are sorted."""
    merged = np.sort(np.concatenate(places), kind="stable")
    return merged[np.append(True, merged[1:] != merged[:-1])] if len(merged) else merged


def _ends(
    sentences: Numbers, starts: Numbers, stops: Numbers, packing: Packing, key: int
) -> Numbers:
    """Where the pieces end that begin at `starts`, of documents that end at `stops`."""
    targets = packing.targets(starts, key)
    if packing.ending == "halves":
        half = packing.first_half(starts, targets, key)
        middle = _reach(sentences, starts + half)
        ends = _reach(sentences, middle + targets - half)
        # Where not even the whole target is left, the rest of the document is a piece.
        return np.where(stops - starts < targets, stops, ends)
    if packing.ending == "overrun":
        return _reach(sentences, starts + targets)
    number = np.searchsorted(sentences, starts + targets, side="right")
    fits = sentences[number - 1]
    return np.where(fits > starts, fits, sentences[number.clip(max=len(sentences) - 1)])


def _reach(sentences: Numbers, places: Numbers) -> Numbers:
    """Where the sentence ends that each place lies in; the place itself where one ends there."""
    reached: Numbers = sentences[np.searchsorted(sentences, places).clip(max=len(sentences) - 1)]
    return reached


def sentence_ends(index: ShardIndex, starts: Numbers, stops: Numbers) -> list[NDArray[np.int32]]:
    """Where the sentences within each piece of a shard end, counted from its start."""
    size, offset = index.dtype.itemsize, index.offset
    first = np.searchsorted(index.pointers, starts * size + offset + 1).tolist()
    last = np.searchsorted(index.pointers, stops * size + offset).tolist()
    ends = []
    for begin, start, end, stop in zip(first, starts.tolist(), last, stops.tolist(), strict=True):
        inner = (index.pointers[begin:end] - offset) // size - start
        found = np.append(inner, stop - start).astype(np.int32)
        # Sentences of no tokens end where the one before them does.
        ends.append(found if (np.diff(found) > 0).all() else np.unique(found))
    return ends


def documents_of(index: ShardIndex, starts: Numbers) -> Numbers:
    """The numbers of the documents that these tokens of a shard belong to."""
    pointers = starts * index.dtype.itemsize + index.offset
    sentences = np.searchsorted(index.pointers, pointers, side="right") - 1
    return np.searchsorted(index.documents, sentences, side="right") - 1


def sentences_of(index: ShardIndex, document: int) -> Numbers:
    """Where the sentences of a document begin, and where it ends, in tokens of the shard."""
    first, last = index.documents[document], index.documents[document + 1]
    starts = (index.pointers[first:last] - index.offset) // index.dtype.itemsize
    end = starts[-1] + index.lengths[last - 1] if last > first else 0
    return np.append(starts, end)
